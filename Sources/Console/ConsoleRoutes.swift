import EventLog
import FoundationEssentials
import HTTPTypes
public import Hummingbird
import HummingbirdCore
import NIOCore

/// HTTP out: scores as they come, session look-ups, status, metrics, health.
public struct ConsoleRoutes: Sendable {
    private let feed: Feed
    private let metrics: MetricsRegistry
    private let status: @Sendable () async throws -> StatusReport
    private let notReady: @Sendable () async -> [String]

    /// - Parameters:
    ///   - status: the state of the whole process, asked at every request.
    ///   - notReady: what the process still waits for; empty where it is ready.
    public init(
        feed: Feed, metrics: MetricsRegistry, status: @escaping @Sendable () async throws -> StatusReport,
        notReady: @escaping @Sendable () async -> [String]
    ) {
        self.feed = feed
        self.metrics = metrics
        self.status = status
        self.notReady = notReady
    }

    public func add<Context: RequestContext>(to router: Router<Context>) {
        router.get("scores") { request, _ in try scores(request) }
        router.get("sessions/:key") { _, context in try sessions(context.parameters.require("key")) }
        router.get("status") { _, _ in try await json(status()) }
        router.get("metrics") { _, _ in try await exposition() }
        router.get("health/live") { _, _ in text("live\n") }
        router.get("health/ready") { _, _ in
            let waiting = await notReady()
            return waiting.isEmpty
                ? text("ready\n")
                : text("waiting for " + waiting.joined(separator: ", ") + "\n", status: .serviceUnavailable)
        }
        router.get("/") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/html; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: ConsolePage.html)))
        }
    }

    private func scores(_ request: Request) throws -> Response {
        let filter = try FeedFilter(query: request.uri.queryParameters)
        var resumeAt: FeedPosition?
        // EventSource cannot set headers on its first request, so the query may carry the id too.
        let id = request.headers[.lastEventID] ?? request.uri.queryParameters["lastEventId"].map(String.init)
        if let id, !id.isEmpty {
            guard let position = FeedPosition(id: id, partitionCount: feed.outputs.partitionCount) else {
                throw HTTPError(.badRequest, message: "Last-Event-ID '\(id.prefix(64))' is none of this shop's ids")
            }
            resumeAt = position
        }
        guard let (number, subscription, position) = feed.subscribe(filter) else {
            return text(
                "\(feed.settings.maxClients) clients are watching already, try again later\n",
                status: .serviceUnavailable, headers: [.retryAfter: "5"])
        }
        let stream = ScoreStream(
            feed: feed, number: number, subscription: subscription, liveFrom: position, resumeAt: resumeAt)
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-cache", .init("X-Accel-Buffering")!: "no"],
            body: .init { writer in
                try await request.body.consumeWithCancellationOnInboundClose { _ in
                    try await stream.write(to: &writer)
                }
                try await writer.finish(nil)
            })
    }

    private func sessions(_ name: String) throws -> Response {
        guard let json = feed.sessions(name) else {
            throw HTTPError(
                .notFound,
                message: "no session '\(name.prefix(128))' among the newest \(feed.settings.recentRecords) records")
        }
        return Response(
            status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: json)))
    }

    private func exposition() async throws -> Response {
        let text = metrics.exposition() + (try await status()).exposition()
        return Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    private func json(_ report: StatusReport) throws -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: try report.json())))
    }

    private func text(_ text: String, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "text/plain; charset=utf-8"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}

extension FeedFilter {
    /// `min-score`, `session`, `timeline`, `type`, `outcomes`: an unknown name or a malformed value is refused, so that
    /// a misspelt filter does not show everything.
    init(query: some Sequence<(key: Substring, value: Substring)>) throws {
        self.init()
        for (name, value) in query {
            switch name {
            case "min-score":
                guard let score = Float(value), (0...1).contains(score) else {
                    throw HTTPError(.badRequest, message: "min-score '\(value)' is no number from 0 to 1")
                }
                minScore = score
            case "session": session = String(value)
            case "timeline": timeline = String(value)
            case "type": type = String(value)
            case "outcomes":
                guard let wanted = Bool(String(value)) else {
                    throw HTTPError(.badRequest, message: "outcomes '\(value)' is neither true nor false")
                }
                outcomes = wanted
            case "lastEventId": continue
            default:
                throw HTTPError(
                    .badRequest,
                    message: "unknown filter '\(name)'; known are min-score, session, timeline, type, outcomes")
            }
        }
    }
}

extension HTTPField.Name {
    fileprivate static let lastEventID = Self("Last-Event-ID")!
}
