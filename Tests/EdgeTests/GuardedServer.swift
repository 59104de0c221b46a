import Edge
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

/// A guarded server on a real socket: `/` answers at once, `/echo` once the body is there, `/never` never, and
/// `/stream` with more bytes than anybody's buffers hold.
struct GuardedServer: Sendable {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    let port: Int
    private let services: ServiceGroup

    /// Runs a server until the body has ended, and those under way have their answers.
    static func run(
        _ limits: EdgeLimits = EdgeLimits(), _ access: AccessPolicy = AccessPolicy(), door: ScriptedDoor? = nil,
        _ body: @Sendable (GuardedServer) async throws -> Void
    ) async throws {
        let (ports, port) = AsyncStream<Int>.makeStream()
        let application = Application(
            router: router(access), server: .guarded(limits, door: door, serverName: "dinghy/test"),
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in port.yield(channel.localAddress?.port ?? 0) }, logger: silent)
        let services = ServiceGroup(configuration: .init(services: [application], logger: silent))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            let server = GuardedServer(port: try #require(await ports.first { _ in true }), services: services)
            do {
                try await body(server)
            } catch {
                await server.stop()
                throw error
            }
            await server.stop()
            try await group.waitForAll()
        }
    }

    /// Tells the server to stop.
    func stop() async { await services.triggerGracefulShutdown() }

    private static func router(_ access: AccessPolicy) -> Router<EdgeContext> {
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
        return router
    }

    /// - Parameter halfClosing: `finish` ends this side alone.
    func connect(halfClosing: Bool = false) async throws -> Line {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "localhost", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: halfClosing))
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
                // Whoever is refused before it has sent anything may find the connection closed, and the reply in it.
                do { try await outbound.write(ByteBuffer(string: request)) } catch  where error is ChannelError {}
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

/// SplitMix64: the same numbers for the same seed.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
