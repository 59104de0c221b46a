import AsyncHTTPClient
import Collector
import Edge
import EmbeddedLog
import EventLog
import Events
import Hummingbird
import HummingbirdTesting
import Logging
import Replay
import Testing

/// Both ends of the wire: a replay over a socket to the collector leaves the log that it leaves without one.
struct CollectorTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Replays a file twice.
    private func replay(
        _ path: String, mode: ReplayOptions.Mode, into sink: some ReplaySink
    ) async throws -> [ReplayCounts] {
        let replayer = Replayer(
            options: ReplayOptions(name: "a/b ü?", mode: mode, temporaryDirectory: directory.path), sink: sink,
            logger: .silent, clock: SleepClock().clock)
        let first = try await replayer.run(.file(path))
        let second = try await replayer.run(.file(path))
        return [first.counts, second.counts]
    }

    /// What stands on a log afterwards.
    private struct Contents: Equatable {
        var entries: [[LogEntry]]
        var rejected: [RejectedRecord]
        var counts: [ReplayCounts]
    }

    private func contents(
        _ name: String, _ work: (EmbeddedLog) async throws -> [ReplayCounts]
    ) async throws -> Contents {
        let data = try await DataDirectory.open(
            directory.path + "/" + name, partitions: 2, logger: .silent, now: { 1_700_000_000_000 })
        let counts = try await work(data.log)
        let entries = try await data.log.entries()
        let rejected = try await data.log.rejected(from: 0, limit: 100_000)
        await data.close()
        return Contents(entries: entries, rejected: rejected, counts: counts)
    }

    private func contentsOverHTTP(_ path: String, mode: ReplayOptions.Mode) async throws -> Contents {
        try await contents("http") { log in
            let router = Router()
            let routes = CollectorRoutes(
                log: log, settings: CollectorSettings(writeKeys: ["k"]), logger: .silent, now: { 1_700_000_000_000 })
            routes.add(to: router)
            let application = Application(
                router: router, server: .guarded(EdgeLimits(), door: routes.door), logger: .silent)
            return try await application.test(.live) { server in
                let client = HTTPClient(configuration: HTTPSink.clientConfiguration)
                let sink = try HTTPSink(
                    url: "http://127.0.0.1:\(server.port ?? 0)", writeKey: "k", client: client)
                let counts = try await replay(path, mode: mode, into: sink)
                try await client.shutdown()
                return counts
            }
        }
    }

    @Test func aReplayOverHTTPLeavesTheSameLog() async throws {
        let path = try directory.write(SampleFile.random(seed: 31, count: 9_000).text)
        let direct = try await contents("direct") { log in
            try await replay(path, mode: .replay, into: EventLogSink(log: log))
        }
        let overHTTP = try await contentsOverHTTP(path, mode: .replay)
        #expect(overHTTP == direct)
        #expect(direct.counts[1] == ReplayCounts(duplicates: 9_000))
    }

    /// What the collector cannot read it keeps in its own way: reason and line of the row stand in the bytes.
    @Test func liveRowsOverHTTPLeaveTheSameEvents() async throws {
        let file = SampleFile.random(seed: 32, count: 9_000)
        let path = try directory.write(file.text)
        let direct = try await contents("direct") { log in
            try await replay(path, mode: .live, into: EventLogSink(log: log))
        }
        let overHTTP = try await contentsOverHTTP(path, mode: .live)
        #expect(overHTTP.entries == direct.entries)
        #expect(overHTTP.counts == direct.counts)
        let lines = file.inOrder.filter { !$0.isGood }.map(\.line)
        #expect(direct.rejected.map(\.line) == lines + lines)
        #expect(overHTTP.rejected.count == 2 * lines.count)
        for (record, line) in zip(overHTTP.rejected, lines + lines) {
            #expect(String(decoding: record.bytes, as: UTF8.self).contains(#""line":\#(line),"#))
        }
    }
}
