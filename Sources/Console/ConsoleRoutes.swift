import EventLog
import Foundation
import HTTPTypes
public import Hummingbird
import HummingbirdCore
import NIOCore

/// HTTP out: the page, scores as they come, session look-ups, status, metrics, health.
public struct ConsoleRoutes: Sendable {
    private let feed: Feed
    private let metrics: MetricsRegistry
    private let status: BoundedStatus
    private let notReady: @Sendable () async -> [String]

    /// How long `/status` waits for the log, and `/metrics`, whose scrapers wait ten seconds at most.
    private static let patience = Duration.seconds(10)
    private static let scrapePatience = Duration.seconds(2)

    /// Score records that a session look-up gives, by default and at most.
    private static let sessionRecords = (standard: 1_000, limit: 10_000)

    /// - Parameters:
    ///   - status: the state of the whole process, asked at every request.
    ///   - notReady: what the process still waits for; empty where it is ready.
    public init(
        feed: Feed, metrics: MetricsRegistry, status: @escaping @Sendable () async throws -> StatusReport,
        notReady: @escaping @Sendable () async -> [String]
    ) {
        self.feed = feed
        self.metrics = metrics
        self.status = BoundedStatus(status)
        self.notReady = notReady
    }

    public func add<Context: RequestContext>(to router: Router<Context>) {
        router.get("/") { _, _ in ConsolePage.response() }
        router.get("scores") { request, _ in try scores(request) }
        router.get("sessions") { request, _ in try sessions(nil, query: request.uri.queryParameters) }
        router.get("sessions/:key") { request, context in
            try sessions(context.parameters.require("key"), query: request.uri.queryParameters)
        }
        router.get("status") { _, _ in
            do {
                return try await reply(
                    "application/json", ByteBuffer(bytes: status.report(within: Self.patience).json()))
            } catch is BoundedStatus.Late {
                return text(
                    "the log does not answer within \(Self.patience.components.seconds) s; /metrics shows this process\n",
                    status: .serviceUnavailable, headers: [.retryAfter: "5"])
            }
        }
        router.get("metrics") { _, _ in
            reply("text/plain; version=0.0.4; charset=utf-8", ByteBuffer(string: await exposition()))
        }
        router.get("health/live") { _, _ in text("live\n") }
        router.get("health/ready") { _, _ in
            let waiting = await notReady()
            return waiting.isEmpty
                ? text("ready\n")
                : text("waiting for " + waiting.joined(separator: ", ") + "\n", status: .serviceUnavailable)
        }
    }

    private func scores(_ request: Request) throws -> Response {
        let filter = try FeedFilter(query: request.uri.queryParameters)
        var resumeAt: FeedPosition?
        // A page that opens its EventSource anew cannot set headers, so the query may carry the id too.
        let ids = [request.headers[.lastEventID], request.uri.queryParameters["lastEventId"].map(String.init)]
        if let id = ids.lazy.compactMap({ $0 }).first(where: { !$0.isEmpty }) {
            guard let position = FeedPosition(id: id, partitionCount: feed.outputs.partitionCount) else {
                throw HTTPError(.badRequest, message: "Last-Event-ID '\(id.prefix(64))' is none of this shop's ids")
            }
            resumeAt = position
        }
        guard let client = feed.admit() else {
            return text(
                "no room for another client (\(feed.settings.maxClients) at most), try again later\n",
                status: .serviceUnavailable, headers: [.retryAfter: "5"])
        }
        let stream = ScoreStream(client: client, filter: filter, resumeAt: resumeAt)
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-cache", .accelBuffering: "no"],
            body: .init { writer in
                try await request.body.consumeWithCancellationOnInboundClose { _ in
                    try await stream.write(to: &writer)
                }
                try await writer.finish(nil)
            })
    }

    /// - Parameter name: as it stands in the path; `nil`: the newest sessions.
    private func sessions(
        _ name: String?, query: some Sequence<(key: Substring, value: Substring)>
    ) throws -> Response {
        var limit = Self.sessionRecords.standard
        for (key, value) in query {
            guard key == "limit", let number = Int(value), (1...Self.sessionRecords.limit).contains(number) else {
                throw HTTPError(
                    .badRequest,
                    message: "'\(key)=\(value)' is not known; known is limit, 1 to \(Self.sessionRecords.limit)")
            }
            limit = number
        }
        let decoded = name?.removingPercentEncoding
        if name != nil, decoded == nil {
            throw HTTPError(.badRequest, message: "the session's name is not valid percent-encoded UTF-8")
        }
        guard let json = feed.sessions(named: decoded, limit: limit) else {
            throw HTTPError(
                .notFound,
                message: "no session '\(decoded?.prefix(128) ?? "")' among the newest "
                    + "\(feed.settings.recentRecords) records")
        }
        return reply("application/json", ByteBuffer(bytes: json))
    }

    /// The instruments are shown even where the log cannot be asked: that is when they are wanted most.
    private func exposition() async -> String {
        let report = try? await status.report(within: Self.scrapePatience)
        return metrics.exposition() + """
            # HELP dinghy_status_available 1 where the log could be asked for the accounting.
            # TYPE dinghy_status_available gauge
            dinghy_status_available \(report == nil ? 0 : 1)

            """ + (report?.exposition() ?? "")
    }

    private func reply(_ type: String, _ body: ByteBuffer) -> Response {
        Response(
            status: .ok, headers: [.contentType: type, .cacheControl: "no-store", .contentTypeOptions: "nosniff"],
            body: .init(byteBuffer: body))
    }

    private func text(_ text: String, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var response = reply("text/plain; charset=utf-8", ByteBuffer(string: text))
        response.status = status
        response.headers.append(contentsOf: headers)
        return response
    }
}

extension HTTPField.Name {
    fileprivate static let lastEventID = Self("Last-Event-ID")!  // A valid field name.
    fileprivate static let accelBuffering = Self("X-Accel-Buffering")!  // A valid field name: nginx must not hold back.
    static let contentTypeOptions = Self("X-Content-Type-Options")!  // A valid field name.
}
