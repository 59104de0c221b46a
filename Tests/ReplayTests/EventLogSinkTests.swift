import EmbeddedLog
import EventLog
import Events
import Foundation
import Logging
import Replay
import Sessions
import Synchronization
import Testing

struct EventLogSinkTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Opens the log for as long as `body` runs.
    private func withLog<Value>(_ body: (EmbeddedLog) async throws -> Value) async throws -> Value {
        let data = try await DataDirectory.open(
            directory.path + "/data", partitions: 3, logger: .silent, now: { 1_700_000_000_000 })
        let value = try await body(data.log)
        await data.close()
        return value
    }

    private func replay(
        _ path: String, into log: any EventLog, mode: ReplayOptions.Mode = .replay, again: Bool = false
    ) async throws -> ReplayResult {
        let options = ReplayOptions(name: "test", mode: mode, again: again, temporaryDirectory: directory.path)
        return try await Replayer(
            options: options, sink: EventLogSink(log: log), logger: .silent, clock: SleepClock().clock
        ).run(.file(path))
    }

    @Test func rowsRejectedOnesAndTheEndAreOnTheLog() async throws {
        let file = SampleFile.random(seed: 11, count: 12_000)
        let path = try directory.write(file.text)
        let expected = file.inOrder
        let order = Dictionary(uniqueKeysWithValues: expected.enumerated().map { ($1.line, $0) })
        try await withLog { log in
            let result = try await replay(path, into: log)
            #expect(result.counts == ReplayCounts(stored: file.goodCount, rejected: 12_000 - file.goodCount))
            #expect(result.ended)

            let entries = try await log.entries()
            #expect(entries.map(\.last) == Array(repeating: .end(replay: "test"), count: 3))
            #expect(entries.flatMap { $0.dropLast() }.map(\.line).sorted() == file.rows.filter(\.isGood).map(\.line))
            for partition in entries {
                let places = partition.dropLast().map { order[$0.line] ?? -1 }
                #expect(places == places.sorted())
            }
            let rejected = try await log.rejected(from: 0, limit: 100_000)
            #expect(rejected.map(\.line) == expected.filter { !$0.isGood }.map(\.line))
            #expect(rejected.allSatisfy { $0.source == "test" })
        }
    }

    @Test func aSecondReplayChangesNothingAlsoAfterARestart() async throws {
        let file = SampleFile.random(seed: 12, count: 6_000)
        let path = try directory.write(file.text)
        let entries = try await withLog { log in
            _ = try await replay(path, into: log)
            let entries = try await log.entries()
            let again = try await replay(path, into: log)
            #expect(again.counts == ReplayCounts(duplicates: 6_000))
            return entries
        }
        try await withLog { log in
            let again = try await replay(path, into: log)
            #expect(again.counts == ReplayCounts(duplicates: 6_000))
            let (found, rejected) = (try await log.entries(), try await log.rejectedCount())
            #expect(found == entries)
            #expect(rejected == Int64(6_000 - file.goodCount))
        }
    }

    @Test func aFinishedFileIsStoredOnceMoreWhereThatIsAskedFor() async throws {
        let file = SampleFile.random(seed: 14, count: 50)
        let path = try directory.write(file.text)
        try await withLog { log in
            for name in ["test", "test.2", "test.3"] {
                let result = try await replay(path, into: log, again: true)
                #expect(result.name == name)
                #expect(result.counts == ReplayCounts(stored: file.goodCount, rejected: 50 - file.goodCount))
            }
            #expect(try await replay(path, into: log).counts == ReplayCounts(duplicates: 50))
        }
    }

    @Test func liveEventsAreRecognisedWhenTheyComeAgain() async throws {
        let file = SampleFile.random(seed: 13, count: 6_000)
        let path = try directory.write(file.text)
        try await withLog { log in
            let first = try await replay(path, into: log, mode: .live)
            #expect(first.counts == ReplayCounts(stored: file.goodCount, rejected: 6_000 - file.goodCount))
            let mark = try await log.replayMark("test")
            #expect(mark == nil)
            let again = try await replay(path, into: log, mode: .live)
            #expect(again.counts == ReplayCounts(duplicates: file.goodCount, rejected: 6_000 - file.goodCount))
            let entries = try await log.entries()
            #expect(entries.joined().count == file.goodCount)
        }
    }

    @Test func aLogThatIsReadOnlyOrClosedRefusesWithItsReason() async throws {
        let path = try directory.write(SampleFile.random(seed: 1, count: 10).text)
        let closed = try await withLog { $0 }
        await #expect(throws: ReplayError.log(.closed)) { _ = try await replay(path, into: closed) }
        let reading = try await DataDirectory.openReadOnly(directory.path + "/data")
        let error = await #expect(throws: ReplayError.self) { _ = try await replay(path, into: reading.log) }
        #expect(error?.description.contains("open for reading only") ?? false)
    }

    /// Refuses appends in turn, so that rejected rows get through and events do not.
    private final class FullLog: EventLog {
        let partitionCount = 1
        let durability = Durability.fsync
        let refusals = Mutex(2)
        let seen = Recorder<String>()

        func append(_ records: [NewRecord]) async throws(EventLogError) -> [AppendVerdict] {
            let refuses = refusals.withLock { left in
                left -= 1
                return left >= 0
            }
            seen.add("append \(records.count)" + (refuses ? " refused" : ""))
            if refuses { throw .overloaded(retryAfter_s: 1) }
            return records.map { _ in .stored(Location(partition: 0, offset: 0)) }
        }
        func reject(_ records: [RejectedRecord]) async throws(EventLogError) { seen.add("reject \(records.count)") }
        func append(_ rows: [ReplayRow], ofReplay name: String) async throws(EventLogError) -> ReplayAppended {
            throw .closed
        }
        func endReplay(_ name: String) async throws(EventLogError) { throw .closed }
        func replayMark(_ name: String) async throws(EventLogError) -> ReplayMark? { nil }
        func appendTick(partition: Int) async throws(EventLogError) { throw .closed }
        func rejected(from number: Int64, limit: Int) async throws(EventLogError) -> [RejectedRecord] { [] }
        func rejectedCount() async throws(EventLogError) -> Int64 { 0 }
        func bounds(partition: Int) async throws(EventLogError) -> Range<Int64> { 0..<0 }
        func firstOffset(partition: Int, atOrAfter time: Int64) async throws(EventLogError) -> Int64 { 0 }
        func reader(partition: Int, from offset: Int64) async throws(EventLogError) -> any EventReader { throw .closed }
        func close() async {}
    }

    @Test func liveRejectedRowsAreKeptOnceAlthoughTheEventsMustWait() async throws {
        var file = SampleFile()
        file.addEvent(at: 0)
        file.add("x", time: nil, isGood: false)
        file.addEvent(at: 1)
        let log = FullLog()
        let result = try await replay(try directory.write(file.text), into: log, mode: .live)
        #expect(result.counts == ReplayCounts(stored: 2, rejected: 1))
        #expect(log.seen.all == ["reject 1", "append 2 refused", "append 2 refused", "append 2"])
        #expect(result.retries == 2)
    }
}

extension EventLog {
    /// All records of every partition, decoded.
    func entries() async throws -> [[LogEntry]] {
        var entries: [[LogEntry]] = []
        for partition in 0..<partitionCount {
            let reader = try await reader(partition: partition, from: 0)
            var found: [LogEntry] = []
            while case let records = try await reader.next(limit: 10_000, wait: .zero), !records.isEmpty {
                for record in records { found.append(try RecordCoder.decode(record.value)) }
            }
            entries.append(found)
        }
        return entries
    }
}

extension LogEntry {
    /// The line that an event's id names.
    var line: Int {
        guard case .event(let event, _) = self, let line = event.id.split(separator: "/").last.flatMap({ Int($0) })
        else { return -1 }
        return line
    }
}
