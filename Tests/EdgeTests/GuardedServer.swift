import Edge
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import NIOPosix
import Testing

/// A guarded server on a real socket: `/` answers at once, `/echo` once the body is there, `/never` never, and
/// `/stream` with more bytes than anybody's buffers hold.
struct GuardedServer: Sendable {
    let port: Int

    static func run(
        _ limits: EdgeLimits = EdgeLimits(), _ access: AccessPolicy = AccessPolicy(),
        _ body: @Sendable (GuardedServer) async throws -> Void
    ) async throws {
        let router = Router(context: EdgeContext.self)
        router.add(middleware: AccessGate(access))
        router.get("/") { _, _ in "here" }
        for path in ["collect", "health/live", "health/ready", "metrics", "scores"] {
            router.get(RouterPath(path)) { _, _ in "here" }
        }
        router.post("echo") { request, _ in try await request.body.collect(upTo: 1 << 20) }
        router.get("never") { request, _ -> String in
            try await request.body.consumeWithCancellationOnInboundClose { _ in
                try await Task.sleep(for: .seconds(3_600))
            }
            return "late"
        }
        router.get("stream") { _, _ in
            Response(
                status: .ok,
                body: .init { writer in
                    for _ in 0..<10_000 { try await writer.write(ByteBuffer(repeating: 0x2E, count: 65_536)) }
                    try await writer.finish(nil)
                })
        }
        let application = Application(
            router: router, server: .guarded(limits),
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await application.test(.live) { client in
            try await body(GuardedServer(port: try #require(client.port)))
        }
    }

    func connect() async throws -> Line {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "localhost", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return Line(channel: channel)
    }

    /// Until somebody is served.
    func served() async throws {
        while try await !exchange("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .hasPrefix("HTTP/1.1 200 ")
        { try Task.checkCancellation() }
    }

    /// Sends bytes as they are, and gives everything that comes until the server closes; nothing where it resets the
    /// connection before it has read them.
    func exchange(_ request: String) async throws -> String {
        do {
            return try await connect().using { reply, outbound async throws in
                try await outbound.write(ByteBuffer(string: request))
                return try await reply.all()
            }
        } catch  where error is IOError || error is ChannelError {
            return ""
        }
    }
}

/// One connection of a client that knows no manners.
struct Line: Sendable {
    let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>

    func using<R: Sendable>(
        _ body: (inout Incoming, NIOAsyncChannelOutboundWriter<ByteBuffer>) async throws -> R
    ) async throws -> R {
        try await channel.executeThenClose { inbound, outbound in
            var incoming = Incoming(iterator: inbound.makeAsyncIterator())
            return try await body(&incoming, outbound)
        }
    }

    struct Incoming {
        var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator

        /// Everything until the end; a connection that was reset has ended.
        mutating func all() async throws -> String {
            var text = ""
            do {
                while let buffer = try await iterator.next() { text += String(buffer: buffer) }
            } catch  where error is IOError || error is ChannelError {}
            return text
        }

        /// Until the text has come.
        mutating func until(_ mark: String) async throws -> String {
            var text = ""
            while !text.contains(mark), let buffer = try await iterator.next() { text += String(buffer: buffer) }
            return text
        }
    }
}
