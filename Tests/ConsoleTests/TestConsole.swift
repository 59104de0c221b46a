import AsyncHTTPClient
import Console
import EmbeddedLog
import EventLog
import FoundationEssentials
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import NIOHTTP1
import Scoring
import Sessions

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// A console on a real socket over a real embedded log, whose outputs a test commits itself.
struct TestConsole: Sendable {
    let data: DataDirectory
    let feed: Feed
    let port: Int

    /// Runs a console while the body runs.
    ///
    /// - Parameter before: outputs that are there before the console begins.
    static func run(
        partitions: Int = 1, settings: Feed.Settings = Feed.Settings(), metrics: MetricsRegistry = MetricsRegistry(),
        scoring: ScoringStatus.Snapshot? = nil, now: Int64 = 1_700_000_000_000,
        notReady: @escaping @Sendable () async -> [String] = { [] },
        before: (TestConsole) async throws -> Void = { _ in },
        _ body: @Sendable (TestConsole) async throws -> Void
    ) async throws {
        let path = FileManager.default.temporaryDirectory.path + "/dinghy-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        let data = try await DataDirectory.open(path, partitions: partitions, logger: .silent) { 1_700_000_000_000 }
        let feed = Feed(outputs: data.outputs, settings: settings, logger: .silent)
        try await before(TestConsole(data: data, feed: feed, port: 0))
        let router = Router()
        ConsoleRoutes(
            feed: feed, metrics: metrics,
            status: {
                try await StatusReport(
                    version: "1.2.3", log: "embedded", events: data.log, outputs: data.outputs,
                    models: StatusReport.Models(champion: 7, count: 9), scoring: scoring, now: now,
                    watching: feed.clientCount)
            }, notReady: notReady
        ).add(to: router)
        var application = Application(router: router, logger: .silent)
        application.addServices(feed)
        try await application.test(.live) { client in
            guard let port = client.port else { preconditionFailure("TestConsole.run: a server without a port") }
            try await body(TestConsole(data: data, feed: feed, port: port))
        }
        await data.close()
    }

    // MARK: Outputs

    func publish(
        _ scores: [ScoreRecord], outcomes: [OutcomeRecord] = [], partition: Int = 0
    ) async throws {
        let follows = try await data.outputs.position(partition: partition).map { try Position(decoding: $0).next }
        let next = (follows ?? 0) + Int64(max(1, scores.count))
        var position = Position(start: 0)
        position.next = next
        position.counters.scored = next
        try await data.makeConsumer().commit([
            ScoredBatch(
                partition: partition, follows: follows, next: next, lowWaterOffset: 0, position: position.encoded(),
                scores: scores.map { OutputRecord(key: $0.key, value: $0.encoded()) },
                outcomes: outcomes.map { OutputRecord(key: $0.key, value: $0.encoded()) })
        ])
    }

    /// Waits until the feed has handed out everything that is committed.
    func handedOut() async throws {
        var end = FeedPosition(partitionCount: data.outputs.partitionCount)
        for partition in 0..<data.outputs.partitionCount {
            for stream in OutputStream.allCases {
                end[stream, partition] = try await data.outputs.bounds(stream, partition: partition).upperBound
            }
        }
        try await until { feed.isStarted && feed.position == end }
    }

    /// Waits until a condition holds.
    func until(_ condition: () async throws -> Bool) async throws {
        while try await !condition() {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    // MARK: Requests

    struct Reply {
        var status: UInt
        var headers: [String: String]
        var body: String
    }

    func get(_ path: String) async throws -> Reply {
        let response = try await HTTPClient.shared.execute(
            HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)"), timeout: .seconds(30))
        return Reply(
            status: response.status.code,
            headers: Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first },
            body: String(buffer: try await response.body.collect(upTo: 64 << 20)))
    }

    /// Watches `/scores` while the body runs. Without an id to resume from, the body begins when the client is
    /// subscribed.
    func watch<R>(
        _ query: String = "", lastEventID: String? = nil, _ body: (inout EventStream) async throws -> R
    ) async throws -> R {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/scores\(query)")
        if let lastEventID { request.headers.add(name: "Last-Event-ID", value: lastEventID) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        guard response.status == .ok else { throw Refused(status: response.status.code) }
        var stream = EventStream(response)
        if lastEventID == nil { _ = try await stream.next() }
        return try await body(&stream)
    }

    struct Refused: Error, Equatable {
        var status: UInt
    }
}

/// Server-sent events as they come in.
struct EventStream {
    struct Message: Equatable {
        /// `nil` for a sign of life, which has an id alone.
        var event: String?
        var id: String?
        var data = ""
    }

    private var chunks: HTTPClientResponse.Body.AsyncIterator
    private var received: [UInt8] = []

    init(_ response: HTTPClientResponse) { chunks = response.body.makeAsyncIterator() }

    /// The next message that has an id or an event; `nil` where the stream has ended.
    mutating func next() async throws -> Message? {
        while true {
            if let message = takeMessage() {
                if message.id != nil || message.event != nil { return message }
                continue
            }
            guard let chunk = try await chunks.next() else { return nil }
            received += chunk.readableBytesView
        }
    }

    /// The next so many messages that carry an event.
    mutating func events(_ count: Int) async throws -> [Message] {
        var events: [Message] = []
        while events.count < count, let message = try await next() {
            if message.event != nil { events.append(message) }
        }
        return events
    }

    private mutating func takeMessage() -> Message? {
        for index in received.indices.dropLast() where received[index] == 10 && received[index + 1] == 10 {
            let lines = String(decoding: received[..<index], as: UTF8.self).split(separator: "\n")
            received.removeFirst(index + 2)
            var message = Message()
            for line in lines {
                if line.hasPrefix("event: ") { message.event = String(line.dropFirst(7)) }
                if line.hasPrefix("id: ") { message.id = String(line.dropFirst(4)) }
                if line.hasPrefix("data: ") { message.data += line.dropFirst(6) }
            }
            return message
        }
        return nil
    }
}

extension ScoreRecord {
    /// A score that its offset and partition tell from all others.
    static func sample(
        _ offset: Int64, partition: Int = 0, session: Int64 = 0, key: String? = nil, type: String = "detail",
        score: Float = 0.25, timeline: String = "live"
    ) -> ScoreRecord {
        ScoreRecord(
            session: "\(partition):\(session)", key: key ?? "s:\(session)", timeline: timeline, partition: partition,
            offset: offset, timestamp: 1_700_000_000_000 + offset, type: type, sku: "A\"1\"", page: "/p/ä", prefix: 1,
            cart: 0, score: score, model: 1)
    }
}

extension OutcomeRecord {
    static func sample(_ offset: Int64, partition: Int = 0, session: Int64 = 0, key: String? = nil) -> OutcomeRecord {
        OutcomeRecord(
            session: "\(partition):\(session)", key: key ?? "s:\(session)", timeline: "live", partition: partition,
            offset: offset, purchased: true, purchaseOffset: offset - 1, prefixes: 1, records: 2, adds: 0,
            started: 1, ended: 2, closing: "silence", truncated: false)
    }
}
