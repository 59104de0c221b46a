import EmbeddedLog
import EventLog
import GRDB
import LogContract
import Testing

/// Readers in this process and beside another's.
struct ReaderTests {
    @Test func aLogIsReadBesideTheProcessThatWritesIt() async throws {
        let directory = try TemporaryDirectory()
        let child = try ChildProcess("append", directory.path)
        #expect(await child.lines(1).count == 1)
        let data = try await DataDirectory.openReadOnly(directory.path)
        let reader = try await data.log.reader(partition: 0, from: 0)
        var offsets: [Int64] = []
        while offsets.count < 3_000 {
            let records = try await reader.next(limit: 500, wait: .seconds(30))
            try #require(!records.isEmpty)
            offsets += records.map(\.offset)
        }
        #expect(offsets == Array(0..<Int64(offsets.count)))
        child.kill()
        _ = await child.lines()
        await data.close()
    }

    @Test func aScanNeedsTheSameMemoryHoweverLongTheLog() async throws {
        let directory = try TemporaryDirectory()
        let data = try await directory.open()
        for batch in 0..<300 {
            _ = try await data.log.append((0..<1_000).map { record(batch * 1_000 + $0, bytes: 200) })
        }
        await data.close()
        let said = await (try ChildProcess("scan", directory.path)).lines()
        let figures = try #require(said.first).split(separator: " ").compactMap { Int($0) }
        try #require(figures.count == 2, "\(said)")
        #expect(figures[0] == 300_000)
        // The log holds seventy times as much.
        #expect(figures[1] < 8 << 10, "the scan grew by \(figures[1]) KiB")
    }

    /// The consumer reads ahead: what it found at the end then must not hide what came since.
    @Test func aConsumerSeesWhatCameBehindItsLastFullBatch() async throws {
        let directory = try TemporaryDirectory()
        let data = try await directory.open()
        let consumer = data.makeConsumer()
        _ = try await consumer.next(limit: 1, wait: .zero)
        try await consumer.begin(partition: 0, at: 0)
        func next(_ limit: Int) async throws -> [Int64]? {
            guard case .records(_, let records) = try await consumer.next(limit: limit, wait: .zero) else { return nil }
            return records.map(\.offset)
        }
        _ = try await data.log.append((0..<10).map { record($0) })
        #expect(try await next(4) == [0, 1, 2, 3])
        #expect(try await next(2) == [4, 5])
        #expect(try await next(2) == [6, 7])
        #expect(try await next(2) == [8, 9])
        _ = try await data.log.append((10..<12).map { record($0) })
        #expect(try await next(4) == [10, 11])
        #expect(!consumer.isCaughtUp(0))
        #expect(try await next(4) == nil)
        #expect(consumer.isCaughtUp(0))
        await consumer.close()
        await data.close()
    }

    @Test func aWaitEndsWithItsTask() async throws {
        let directory = try TemporaryDirectory()
        let data = try await directory.open()
        let reader = try await data.log.reader(partition: 0, from: 0)
        let waiting = Task { try await reader.next(limit: 10, wait: .seconds(3_600)) }
        waiting.cancel()
        #expect(try await waiting.value == [])
        await data.close()
    }

    @Test func partitionsAreConsumedInTurn() async throws {
        let directory = try TemporaryDirectory()
        let data = try await directory.open(partitions: 2)
        let keys = ["s:a", "s:k"]
        for (number, key) in keys.enumerated() {
            _ = try await data.log.append((0..<30).map { record(number * 100 + $0, key: key) })
        }
        let consumer = data.makeConsumer()
        guard case .assigned(let partitions) = try await consumer.next(limit: 1) else {
            Issue.record("no assignment")
            return
        }
        for partition in partitions { try await consumer.begin(partition: partition.partition, at: 0) }
        var turns: [Int] = []
        while case .records(let partition, let records) = try await consumer.next(limit: 5) {
            #expect(records.count <= 5)
            turns.append(partition)
        }
        #expect(turns == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
        await data.close()
    }

    @Test func aConsumerWhoseAssignmentFailedIsAssignedLater() async throws {
        let directory = try TemporaryDirectory()
        let data = try await directory.open()
        let consumer = data.makeConsumer()
        let scores = try DatabaseQueue(path: directory.path + "/scores.sqlite")
        try scores.inDatabase { try $0.execute(sql: "ALTER TABLE position RENAME TO elsewhere") }
        await #expect(throws: EventLogError.self) { try await consumer.next(limit: 1) }
        try scores.inDatabase { try $0.execute(sql: "ALTER TABLE elsewhere RENAME TO position") }
        #expect(
            try await consumer.next(limit: 1)
                == .assigned([AssignedPartition(partition: 0, position: nil, bounds: 0..<0)]))
        await data.close()
    }
}
