import AsyncHTTPClient
import Events
import FoundationEssentials
import NIOCore
import NIOHTTP1
import Simulation

/// Posts a simulated shop's events to a server at a steady pace, as pages would.
///
/// The shop's own time begins a quarter of an hour ago, so that it is busy from the first moment, and runs about as fast
/// as ours; an event is never sent before its own time.
struct LiveShop {
    let url: String
    let writeKey: String?
    let seed: UInt64
    var parameters: ShopParameters
    /// Events a second.
    let rate: Double
    /// `nil`: until the process ends.
    let limit: Int?

    private static let headStart_ms: Int64 = 15 * 60_000
    /// How often events are sent together.
    private static let interval_ms: Int64 = 50

    func run() async throws {
        let start = WallClock.now()
        var shop = Shop(seed: seed, parameters: parameters, start: start - Self.headStart_ms)
        var next = shop.next().event
        var sent = 0
        while sent < limit ?? .max {
            let now = WallClock.now()
            let due = min(Int(rate * Double(now - start) / 1_000), limit ?? .max)
            var batch: [UInt8] = []
            while sent < due, next.timestamp <= now {
                batch += RecordCoder.encode(next, timeline: .live, received: now) + [UInt8(ascii: "\n")]
                next = shop.next().event
                sent += 1
            }
            if !batch.isEmpty { try await post(batch) }
            try await Task.sleep(for: .milliseconds(Self.interval_ms))
        }
    }

    /// Sends until the server has taken it.
    private func post(_ body: [UInt8]) async throws {
        var request = HTTPClientRequest(url: try URLParts(base: url, path: "/collect").text)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/x-ndjson")
        if let key = writeKey ?? ProcessInfo.processInfo.environment["DINGHY_WRITE_KEY"] {
            request.headers.add(name: "Authorization", value: "Bearer \(key)")
        }
        request.body = .bytes(ByteBuffer(bytes: body))
        while true {
            let response: HTTPClientResponse
            do { response = try await Web.client.execute(request, timeout: .seconds(30)) } catch {
                throw CommandFailure(
                    "no server answers at \(url) (\(error)): start one with `dinghy serve`, or name it with --url")
            }
            let reply = try await response.body.collect(upTo: 16 << 20)
            switch response.status {
            case .ok: return
            case .serviceUnavailable, .tooManyRequests:
                let wait = response.headers.first(name: "Retry-After").flatMap(Int.init) ?? 1
                try await Task.sleep(for: .seconds(min(wait, 30)))
            default:
                throw CommandFailure("\(url) answers \(response.status.code): \(String(buffer: reply).prefix(500))")
            }
        }
    }
}
