import EmbeddedLog
import EventLog
import Foundation
import LogContract
import Synchronization
import Testing

/// One writer, whose transactions give offsets and times and recognise what was stored before.
struct WriterTests {
    /// Gives the next time whenever it is asked, the last one for ever.
    private static func clock(_ times: [Int64]) -> @Sendable () -> Int64 {
        let next = Mutex(0)
        return {
            next.withLock { next in
                defer { next += 1 }
                return times[min(next, times.count - 1)]
            }
        }
    }

    @Test func appendsThatWaitShareATransaction() async throws {
        let directory = try TemporaryDirectory()
        var limits = EmbeddedLimits()
        limits.waitingRecords = 50
        // The clock is asked once a transaction, so that the time tells which one a record came with.
        let data = try await directory.open(limits: limits, now: Self.clock(Array(1...1_000)))
        let lock = try WriteLock(of: directory.events)
        try await withThrowingTaskGroup(of: [AppendVerdict].self) { group in
            for number in 0..<200 { group.addTask { try await data.log.append([record(number)]) } }
            // The first answer is a refusal: fifty wait now.
            await #expect(throws: EventLogError.overloaded(retryAfter_s: 1)) { try await group.next() }
            try lock.release()
            while let result = await group.nextResult() { _ = result }
        }
        let perTransaction = Dictionary(grouping: try await contents(of: data.log), by: \.time).mapValues(\.count)
        #expect(perTransaction.values.contains { $0 >= 50 }, "\(perTransaction)")
        await data.close()
    }

    @Test func aClockThatIsSetBackDoesNotTakeTheLogWithIt() async throws {
        let directory = try TemporaryDirectory()
        var data = try await directory.open(now: Self.clock([1_000, 2_000, 500, 500, 3_000]))
        for number in 0..<5 { _ = try await data.log.append([record(number)]) }
        await data.close()
        data = try await directory.open(now: Self.clock([100, 4_000]))
        for number in 5..<7 { _ = try await data.log.append([record(number)]) }
        let times = try await contents(of: data.log).map(\.time)
        #expect(times == [1_000, 2_000, 2_000, 2_000, 3_000, 3_000, 4_000])

        let consumer = data.makeConsumer()
        _ = try await consumer.next(limit: 1)
        try await consumer.commit([
            ScoredBatch(
                partition: 0, follows: nil, next: 7, lowWaterOffset: 0, position: "p",
                scores: [OutputRecord(key: "s:k", value: [1])], outcomes: [])
        ])
        await data.close()
        data = try await directory.open(now: Self.clock([50]))
        let late = data.makeConsumer()
        try await late.commit([
            ScoredBatch(
                partition: 0, follows: 7, next: 8, lowWaterOffset: 0, position: "q",
                scores: [OutputRecord(key: "s:k", value: [2])], outcomes: [])
        ])
        let scores = try await data.outputs.reader(.scores, partition: 0, from: 0).next(limit: 10, wait: .zero)
        #expect(scores.map(\.time) == [4_000, 4_000])
        await data.close()
    }

    @Test func identitiesAreRememberedUpToTheirLimit() async throws {
        let directory = try TemporaryDirectory()
        var limits = EmbeddedLimits()
        limits.identities = 100
        // All of one moment, so that their order on the log alone says which is older.
        var data = try await directory.open(partitions: 2, limits: limits, now: { 1_000 })
        let keys = ["s:a", "s:k"]
        #expect(Set(keys.map { Partitioner.partition(ofKey: $0, count: 2) }) == [0, 1])
        func append(_ numbers: Range<Int>) async throws -> Int {
            try await data.log.append(numbers.map { record($0, key: keys[$0 % 2]) }).count { $0 == .duplicate }
        }
        for number in 0..<150 { _ = try await append(number..<(number + 1)) }
        #expect(try await append(50..<150) == 100)
        await data.close()
        data = try await directory.open(partitions: 2, limits: limits, now: { 1_000 })
        #expect(try await append(50..<150) == 100)
        #expect(try await append(0..<50) == 0)
        // Which took the place of the fifty oldest.
        #expect(try await append(100..<150) == 50)
        #expect(try await append(50..<100) == 0)
        await data.close()
    }

    @Test func identitiesAreForgottenWithAge() async throws {
        let directory = try TemporaryDirectory()
        var limits = EmbeddedLimits()
        limits.identityAge = .seconds(60)
        let data = try await directory.open(limits: limits, now: Self.clock([1_000, 61_000, 61_000, 61_001, 61_001]))
        let first = try await data.log.append([record(1)])
        #expect(first == [.stored(Location(partition: 0, offset: 0))])
        _ = try await data.log.append([record(2)])
        #expect(try await data.log.append([record(1)]) == [.duplicate])
        _ = try await data.log.append([record(3)])
        #expect(try await data.log.append([record(1)]) == [.stored(Location(partition: 0, offset: 3))])
        await data.close()
    }

    @Test(arguments: Array(1...12) as [UInt64])
    func aTornTailOfTheWALCostsOnlyWhatWasNotCommitted(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let directory = try TemporaryDirectory()
        let data = try await directory.open()
        var sent: [NewRecord] = []
        var commits = [0]
        for batch in 0..<20 {
            let records = (0..<Int.random(in: 1...30, using: &random)).map { record(batch * 100 + $0, bytes: 100) }
            _ = try await data.log.append(records)
            sent += records
            commits.append(sent.count)
        }
        // As a power cut leaves it: the last write has come to the disk in part, or as rubbish.
        let crashed = try TemporaryDirectory()
        try FileManager.default.copyItem(atPath: directory.events, toPath: crashed.events)
        var wal = try Data(contentsOf: URL(filePath: directory.events + "-wal"))
        await data.close()
        let whole = wal.count
        switch seed % 3 {
        case 0: wal.removeLast(Int.random(in: 1...wal.count / 2, using: &random))
        case 1: wal[wal.count - Int.random(in: 1...wal.count / 2, using: &random)] ^= 0x40
        default: wal.append(contentsOf: (0..<5_000).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
        try wal.write(to: URL(filePath: crashed.events + "-wal"))

        let recovered = try await crashed.open()
        let stored = try await contents(of: recovered.log)
        #expect(stored.map(\.value) == sent.prefix(stored.count).map(\.value))
        #expect(commits.contains(stored.count), "\(stored.count) is amid a commit")
        if wal.count > whole { #expect(stored.count == sent.count) }
        let verdicts = try await recovered.log.append([record(-1)])
        #expect(verdicts == [.stored(Location(partition: 0, offset: Int64(stored.count)))])
        await recovered.close()
    }
}
