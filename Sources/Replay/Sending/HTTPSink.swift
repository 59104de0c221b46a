public import AsyncHTTPClient
public import EventLog
import NIOCore
import NIOHTTP1

/// A running server, over its URL.
public struct HTTPSink: ReplaySink {
    private let url: String
    private let writeKey: String?
    private let token: String?
    private let client: HTTPClient
    private let timeout: TimeAmount

    /// A body stays below 1 MiB: a batch may pass its bytes by one row, and a row has at most 16 KiB.
    public let limits = BatchLimits(rows: 4_000, bytes: 960 << 10)

    private static let maxReply_bytes = 4 << 20

    /// For a client that leaves it to the replay how often a connection is tried.
    public static var clientConfiguration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.redirectConfiguration = .disallow
        return configuration
    }

    /// - Parameters:
    ///   - url: of the server, without a path: `http://127.0.0.1:8080`.
    ///   - writeKey: where the server asks for one.
    ///   - token: the server's own, which its door for replays may ask for.
    ///   - client: made with `clientConfiguration`; another one may try a refused connection until `timeout_s` is over.
    ///   - timeout_s: how long an answer may take.
    /// - Throws: `.server` where the URL is none.
    public init(
        url: String, writeKey: String? = nil, token: String? = nil, client: HTTPClient, timeout_s: Int64 = 60
    ) throws(ReplayError) {
        let scheme = ["http://", "https://"].first { url.hasPrefix($0) }
        guard let scheme, url.utf8.count > scheme.utf8.count, !url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F })
        else {
            throw .server(url: url, reason: "is no URL of a server; one looks like http://127.0.0.1:8080")
        }
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.writeKey = writeKey
        self.token = token
        self.client = client
        timeout = .seconds(timeout_s)
    }

    public func mark(of name: String) async throws(SinkError) -> ReplayMark? {
        let reply = try await send(.GET, path(name), nil, name: name)
        let mark: HTTPWire.Mark = try decoded(reply)
        return mark.lastRow == 0 && !mark.ended ? nil : ReplayMark(lastRow: mark.lastRow, ended: mark.ended)
    }

    public func append(_ rows: [ReplayRow], ofReplay name: String) async throws(SinkError) -> ReplayAppended {
        guard let first = rows.first else { return ReplayAppended() }
        let reply = try await send(
            .POST, path(name) + "?row=\(first.number)", HTTPWire.body(rows), name: name, row: first.number)
        let appended: HTTPWire.Appended = try decoded(reply)
        guard appended.stored + appended.rejected + appended.duplicates == rows.count else {
            throw unexpected("it accounts for \(appended) of \(rows.count) rows")
        }
        return ReplayAppended(
            stored: appended.stored, rejected: appended.rejected, duplicates: appended.duplicates)
    }

    public func end(_ name: String) async throws(SinkError) {
        let mark: HTTPWire.Mark = try decoded(try await send(.POST, path(name) + "/end", [], name: name))
        guard mark.ended else { throw unexpected("the replay is not ended") }
    }

    public func appendLive(_ rows: [ReplayRow]) async throws(SinkError) -> [LiveVerdict] {
        let reply = try await send(.POST, "/collect", HTTPWire.body(rows), name: "")
        let collected: HTTPWire.Collected = try decoded(reply)
        let verdicts = collected.events.compactMap(LiveVerdict.init)
        guard verdicts.count == rows.count else {
            throw unexpected("it judges \(verdicts.count) of \(rows.count) events")
        }
        // What was wrong with a row is known here; the server sees no event at all.
        return zip(rows, verdicts).map { row, verdict in
            guard case .rejected(let record) = row.content, case .rejected = verdict else { return verdict }
            return .rejected(reason: record.reason)
        }
    }

    private func path(_ name: String) -> String { "/replay/" + HTTPWire.percentEncoded(name) }

    /// Sends a request and gives the body of a 200.
    private func send(
        _ method: HTTPMethod, _ path: String, _ body: [UInt8]?, name: String, row: Int64 = 0
    ) async throws(SinkError) -> [UInt8] {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        if let bearer = token ?? writeKey { request.headers.add(name: "Authorization", value: "Bearer \(bearer)") }
        if token != nil, let writeKey { request.headers.add(name: "X-Write-Key", value: writeKey) }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/x-ndjson")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let status: Int
        let retryAfter: String?
        let reply: [UInt8]
        do {
            let response = try await client.execute(request, timeout: timeout)
            status = Int(response.status.code)
            retryAfter = response.headers.first(name: "Retry-After")
            reply = Array(buffer: try await response.body.collect(upTo: Self.maxReply_bytes))
        } catch is CancellationError {
            throw .refused(.cancelled)
        } catch let error as HTTPClientError where error == .cancelled {
            throw .refused(.cancelled)
        } catch {
            throw .unanswered(reason: "no answer from \(url) (\(error)); is a Dinghy server running there?")
        }
        guard status != 200 else { return reply }
        throw refusal(status, reply, retryAfter: retryAfter, name: name, row: row)
    }

    private func refusal(
        _ status: Int, _ reply: [UInt8], retryAfter: String?, name: String, row: Int64
    ) -> SinkError {
        let refusal = HTTPWire.decode(HTTPWire.Refusal.self, reply)
        let text = refusal?.error ?? String(decoding: reply.prefix(200), as: UTF8.self)
        func refused(_ advice: String) -> SinkError {
            .refused(.server(url: url, reason: "\(status) \(text)" + (advice.isEmpty ? "" : "; " + advice)))
        }
        switch status {
        case 409:
            guard let expected = refusal?.expected else { return refused("") }
            return .refused(.log(.replayGap(name: name, expected: expected, got: row)))
        case 429, 503:
            return .busy(
                reason: "\(url) is busy: \(text)", retryAfter: .seconds(min(max(Int(retryAfter ?? "") ?? 1, 1), 60)))
        case 401, 403: return refused("give one of the server's write keys with --write-key")
        case 404: return refused("is it a Dinghy server with the role collect?")
        case 413: return refused("its limit on a body is below the 1 MiB that a replay sends, raise it")
        case 500...: return .unanswered(reason: "\(url): \(status) \(text)")
        default: return refused("")
        }
    }

    private func decoded<Value: Decodable>(_ reply: [UInt8]) throws(SinkError) -> Value {
        guard let value = HTTPWire.decode(Value.self, reply) else {
            throw unexpected("'\(String(decoding: reply.prefix(200), as: UTF8.self))'")
        }
        return value
    }

    private func unexpected(_ what: String) -> SinkError {
        .refused(.server(url: url, reason: "its answer is not that of a Dinghy server of this version: \(what)"))
    }
}
