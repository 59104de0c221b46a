import Collector
import EmbeddedLog
import EventLog
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

/// Over real sockets: what a router alone cannot show.
@Suite(.timeLimit(.minutes(1))) struct WireTests {
    private let event = #"{"id":"a","session":"s","type":"add"}"#

    @Test func everyRouteAnswersOverTheWire() async throws {
        let settings = CollectorSettings(origins: ["https://shop.example"])
        try await Shop.open(settings, .live) { shop async throws in
            let reply = try await shop.post(event, type: "text/plain;charset=UTF-8")
            #expect(
                reply.text == """
                    200 {"durability":"fsync","stored":1,"duplicate":0,"rejected":0,"retry":0,"events":[\
                    {"index":0,"id":"a","verdict":"stored","partition":0,"offset":0}]}
                    """)
            #expect(reply.headers[.contentLength] == String(reply.body.utf8.count))
            let pixel = try await shop.get("/collect?type=add&session=s")
            #expect(pixel.status == 200)
            #expect(pixel.headers[.contentLength] == "43")
            let preflight = try await shop.send(
                .options, "/collect", [.origin: "https://shop.example", .accessControlRequestMethod: "POST"], body: nil)
            #expect(preflight.status == 204)
            #expect(try await shop.post("", to: "/replay/march/end").status == 200)
            #expect(try await shop.post(gzipped(event.utf8), headers: [.contentEncoding: "gzip"]).status == 200)
        }
    }

    /// The connection stays of use after a body that was refused before it was read.
    @Test func aConnectionOutlivesARefusal() async throws {
        try await Shop.open(CollectorSettings(maxBodyBytes: 1_000), .live) { shop async throws in
            #expect(try await shop.post(String(repeating: "x", count: 20_000_000)).status == 413)
            #expect(try await shop.post(event, type: "text/csv").status == 415)
            #expect(try await shop.post(event).status == 200)
        }
    }

    @Test func aBodyWithoutALengthIsRefusedAtTheLimit() async throws {
        try await Shop.open(CollectorSettings(maxBodyBytes: 1_000), .live) { shop async throws in
            let chunk = "400\r\n" + String(repeating: " ", count: 1_024) + "\r\n"
            let reply = try await exchange(shop, Self.chunked + chunk + chunk, closes: false)
            #expect(reply.hasPrefix("HTTP/1.1 413 "))
        }
    }

    /// A sender that goes away in the middle of its body: nothing of it may be taken, even where what came is whole.
    @Test func aBodyThatIsCutOffIsNotTaken() async throws {
        try await Shop.open(CollectorSettings(), .live) { shop async throws in
            let line = event + "\n"
            let chunk = String(line.utf8.count, radix: 16) + "\r\n" + line + "\r\n"
            let cutChunks = try await exchange(shop, Self.chunked + chunk, closes: true)
            #expect(!cutChunks.hasPrefix("HTTP/1.1 200"))
            let head = Self.head + "Content-Length: 500\r\n\r\n"
            let cutLength = try await exchange(shop, head + line, closes: true)
            #expect(!cutLength.hasPrefix("HTTP/1.1 200"))
            #expect(try await shop.records() == [])
            let whole = try await exchange(shop, Self.chunked + chunk + "0\r\n\r\n", closes: false)
            #expect(whole.hasPrefix("HTTP/1.1 200 "))
            #expect(try await shop.records().count == 1)
        }
    }

    @Test func aQueryThatIsTooLongForHTTPIsRefused() async throws {
        try await Shop.open(CollectorSettings(), .live) { shop async throws in
            let long = String(repeating: "s", count: 200_000)
            let reply = try await exchange(
                shop, "GET /collect?type=add&session=\(long) HTTP/1.1\r\nHost: x\r\n\r\n", closes: false)
            #expect(reply.hasPrefix("HTTP/1.1 4"))
            #expect(try await shop.post(event).status == 200)
        }
    }

    /// The server is told to stop while an append is under way: the sender still gets its answer, and only then does
    /// the server end.
    @Test func aRequestUnderWayIsAnsweredWhenTheServerStops() async throws {
        let gate = Gate()
        let log = ScriptedLog(gate: gate)
        let (ports, port) = AsyncStream<Int>.makeStream()
        let routes = CollectorRoutes(log: log, settings: CollectorSettings(), logger: silent, now: { now })
        let application = Shop.application(routes) { channel in port.yield(channel.localAddress?.port ?? 0) }
        let services = ServiceGroup(configuration: .init(services: [application], logger: silent))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            let port = try #require(await ports.first { _ in true })
            let body = event
            async let reply = exchange(
                port: port, Self.head + "Content-Length: \(body.utf8.count)\r\n\r\n" + body, closes: false)
            _ = await gate.arrivals.first { _ in true }
            await services.triggerGracefulShutdown()
            gate.open()
            #expect(try await reply.hasPrefix("HTTP/1.1 200 "))
            try await group.waitForAll()
            #expect(log.appended.count == 1)
        }
    }

    // MARK: Before the router

    @Test func whatIsNotTheDoorsIsNobodys() async throws {
        try await Shop.open { shop async throws in
            for method in [HTTPRequest.Method.head, .put, .delete] {
                #expect(try await shop.send(method, "/collect", [:], body: nil).status == 404)
            }
            #expect(try await shop.post(event, to: "/collector").status == 404)
            #expect(try await shop.post(event, to: "/collect/it").status == 404)
            #expect(try await shop.records() == [])
        }
    }

    @Test func theDoorIsKnownInEveryForm() async throws {
        try await Shop.open { shop async throws in
            for target in ["/collect", "/collect/", "/collect?a=b", "http://shop.example/collect?a=b"] {
                let request = "POST \(target) HTTP/1.1\r\nhost: x\r\ncontent-TYPE: text/plain\r\n"
                let reply = try await exchange(
                    shop, request + "content-length: \(event.utf8.count)\r\n\r\n" + event, closes: false)
                #expect(reply.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"), "\(target): \(reply)")
            }
            let twice = "POST /collect HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Type: text/css\r\n"
            let reply = try await exchange(shop, twice + "Content-Length: 0\r\n\r\n", closes: false)
            #expect(reply.contains("Content-Type text/plain,text/css;"))
        }
    }

    /// Long enough to be judged beside the event loop.
    @Test(arguments: [false, true]) func aLongBodyIsJudgedWhole(isGzip: Bool) async throws {
        try await Shop.open { shop async throws in
            let lines = (0..<5_000).map { #"{"id":"\#($0)","session":"s","type":"add","sku":"p\#($0)"}"# }
            let body = Array(lines.joined(separator: "\n").utf8)
            let reply =
                isGzip
                ? try await shop.post(gzipped(body), headers: [.contentEncoding: "gzip"]) : try await shop.post(body)
            let tally = try Tally(reply)
            #expect(tally.stored == 5_000)
            #expect(tally.events.map(\.id) == (0..<5_000).map { String($0) })
        }
    }

    @Test func aPixelMayBringABodyThatIsNotRead() async throws {
        try await Shop.open { shop async throws in
            let request = "GET /collect?id=a&type=add&session=s HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
            let next = "GET /collect?id=b&type=add&session=s HTTP/1.1\r\nHost: x\r\n\r\n"
            let replies = try await exchange(shop, request + next, closes: true, all: true)
            #expect(replies.split(separator: "X-Dinghy-Verdict: stored fsync\r\n").count == 3)
        }
    }

    /// The commit goes on, and is counted, where nobody waits for its reply any more.
    @Test func whatASenderWhoLeftHasSentIsStored() async throws {
        let gate = Gate()
        let log = ScriptedLog(gate: gate)
        try await Shop.open(over: log) { shop async throws in
            let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connect(host: "localhost", port: try #require(shop.client.port)).get()
            let request = Self.head + "Content-Length: \(event.utf8.count)\r\n\r\n" + event
            try await channel.writeAndFlush(ByteBuffer(string: request))
            _ = await gate.arrivals.first { _ in true }
            try await channel.close()
            gate.open()
            #expect(try await shop.post(event).status == 200)
            #expect(log.appended.count == 2)
        }
    }

    @Test func whatABodyHeldThatWasCutOffIsGivenBack() async throws {
        let settings = CollectorSettings(maxBodyBytes: 1_000, maxInflatedBytes: 1_000, maxHeldBytes: 4_000)
        try await Shop.open(settings) { shop async throws in
            let half = Self.head + "Content-Length: 1000\r\n\r\n" + String(repeating: " ", count: 999)
            for _ in 0..<10 {
                #expect(try await exchange(shop, half, closes: true).hasPrefix("HTTP/1.1 400 "))
            }
            #expect(try await shop.post(event + String(repeating: " ", count: 900)).status == 200)
        }
    }

    private static let head = "POST /collect HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
    private static let chunked = head + "Transfer-Encoding: chunked\r\n\r\n"

    private func exchange(
        _ shop: Shop, _ request: String, closes: Bool, all: Bool = false
    ) async throws -> String {
        try await exchange(port: try #require(shop.client.port), request, closes: closes, all: all)
    }

    /// Sends bytes as they are and gives what comes back first, or all of it; `closes`: ends its own side behind them.
    private func exchange(port: Int, _ request: String, closes: Bool, all: Bool = false) async throws -> String {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "localhost", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var text = ""
            do {
                try await outbound.write(ByteBuffer(string: request))
                if closes { outbound.finish() }
                for try await buffer in inbound {
                    text += String(buffer: buffer)
                    if !all { break }
                }
            } catch is IOError {
                // The server may close before it has read everything.
            }
            return text
        }
    }
}
