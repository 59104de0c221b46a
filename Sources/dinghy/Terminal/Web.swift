import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Replay

/// Short questions to a running server.
enum Web {
    /// Says at once that nobody listens, instead of trying until a request's time is up. Lives as long as the process.
    static let client = HTTPClient(configuration: HTTPSink.clientConfiguration)

    /// The body of a GET that was answered with 200.
    ///
    /// - Throws: `CommandFailure`, naming the URL and what the server says.
    static func get(_ url: URLParts, token: String, maxBytes: Int = 64 << 20) async throws -> [UInt8] {
        let response: HTTPClientResponse
        var request = HTTPClientRequest(url: url.text)
        request.show(token)
        do {
            response = try await client.execute(request, timeout: .seconds(30))
        } catch {
            throw CommandFailure(
                "no server answers at \(url.text) (\(error)): start one with `dinghy serve`, or name it with --url")
        }
        let body = Array(buffer: try await response.body.collect(upTo: maxBytes))
        guard response.status == .ok else {
            throw CommandFailure(
                "\(url.text) answers \(response.status.code): \(String(decoding: body.prefix(500), as: UTF8.self))")
        }
        return body
    }
}

extension HTTPClientRequest {
    /// Shows the server's token where one is known.
    mutating func show(_ token: String) {
        if !token.isEmpty { headers.add(name: "Authorization", value: "Bearer \(token)") }
    }
}
