import EmbeddedLog
import EventLog
import Events
import Logging
import Replay
import Synchronization
import Testing

/// From one log to another.
struct LogReplayerTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static func event(_ number: Int, timeline: Timeline = .live) -> NewRecord {
        let event = Event(
            id: "e\(number)", session: "s\(number % 7)", kind: .pageview, timestamp: 1_700_000_000_000 + Int64(number))
        return NewRecord(
            key: event.sessionKey, value: RecordCoder.encode(event, timeline: timeline, received: event.timestamp),
            identity: event.identity)
    }

    /// A log of three partitions: live events, a tick, another replay, and a record that nobody can read.
    @discardableResult
    private func withSource<Value>(
        _ events: Int, atATime: Int = 50, _ body: (any EventLog) async throws -> Value
    ) async throws -> Value {
        let now = Atomic<Int64>(1_700_000_000_000)
        let data = try await DataDirectory.open(
            directory.path + "/source", partitions: 3, logger: .silent,
            now: { now.wrappingAdd(1, ordering: .relaxed).newValue })
        for first in stride(from: 0, to: events, by: atATime) {
            _ = try await data.log.append((first..<min(first + atATime, events)).map { Self.event($0) })
        }
        try await data.log.appendTick(partition: 1)
        _ = try await data.log.append(
            [ReplayRow(number: 1, content: .event(Self.event(9_999, timeline: .replay("old"))))], ofReplay: "old")
        _ = try await data.log.append([NewRecord(key: "s:x", value: Array("{".utf8), identity: 1)])
        let value = try await body(data.log)
        await data.close()
        return value
    }

    private func move(_ source: any EventLog, into sink: some ReplaySink) async throws -> ReplayResult {
        try await LogReplayer(
            source: source, sink: sink, options: ReplayOptions(name: "moved"), logger: .silent,
            clock: SleepClock().clock
        ).run()
    }

    @Test func liveEventsMoveOnceInOrderAndNothingElseDoes() async throws {
        try await withSource(400) { source in
            let target = try await DataDirectory.open(
                directory.path + "/target", partitions: 2, logger: .silent, now: { 1_800_000_000_000 })
            let moved = try await move(source, into: EventLogSink(log: target.log))
            #expect(moved.counts == ReplayCounts(stored: 400, rejected: 1))
            #expect(moved.ended)
            #expect(moved.span == 1_700_000_000_000...1_700_000_000_399)

            let entries = try await target.log.entries()
            var seen: [String] = []
            for partition in entries {
                var last: [String: Int64] = [:]
                #expect(partition.last == .end(replay: "moved"))
                for entry in partition.dropLast() {
                    guard case .event(let event, .replay("moved")) = entry else {
                        Issue.record("\(entry) has moved")
                        continue
                    }
                    #expect(event.timestamp > last[event.sessionKey] ?? 0)
                    last[event.sessionKey] = event.timestamp
                    seen.append(event.id)
                }
            }
            #expect(seen.sorted() == (0..<400).map { "e\($0)" }.sorted())
            #expect(try await target.log.rejected(from: 0, limit: 10).map(\.bytes) == [Array("{".utf8)])

            let again = try await move(source, into: EventLogSink(log: target.log))
            #expect(again.counts == ReplayCounts(duplicates: 401))
            #expect(try await target.log.entries() == entries)
            await target.close()
        }
    }

    @Test func aMoveThatBrokeOffGoesOnWhereItStopped() async throws {
        try await withSource(100, atATime: 1) { source in
            // The second append is stored and its answer lost.
            let sink = MemorySink(rows: 9, faults: [2: .deadAfterwards])
            await #expect(throws: ReplayError.log(.closed)) { _ = try await move(source, into: sink) }
            sink.heal()
            let rest = try await move(source, into: sink)
            #expect(rest.counts == ReplayCounts(stored: 73, duplicates: 27, rejected: 1))
            #expect(sink.events.map(\.id) == (0..<100).map { "e\($0)" })
            #expect(sink.ended == 1)
        }
    }

    @Test func aLogWithFewerEventsThanTheMarkIsAnotherLog() async throws {
        let sink = MemorySink()
        _ = try await sink.append(
            (1...50).map { ReplayRow(number: Int64($0), content: .event(Self.event($0))) }, ofReplay: "moved")
        try await withSource(20) { source in
            await #expect(throws: ReplayError.otherFile(name: "moved", lastRow: 50, rows: 21)) {
                _ = try await move(source, into: sink)
            }
        }
    }
}
