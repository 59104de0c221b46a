import Logging
import NIOCore
import NIOHTTP1

/// Watches one connection between the HTTP decoder and the routes: whatever is late ends it. It looks on; the bytes of
/// an orderly request pass as they are.
///
/// A request that is late is told so (408, or 503 where the server is), as long as no other reply is under way.
final class ConnectionGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let limits: EdgeLimits
    private let metrics: EdgeMetrics
    private var progress: RequestProgress
    private var sweep: RepeatedTask?
    private var isOver = false

    init(_ limits: EdgeLimits, metrics: EdgeMetrics) {
        self.limits = limits
        self.metrics = metrics
        progress = RequestProgress(limits, now: .now())
    }

    /// Before the decoder: sees that bytes of a request have come, long before there is a request.
    func received(bytes: Int) { progress.received(bytes: bytes, now: .now()) }

    func handlerAdded(context: ChannelHandlerContext) {
        let interval = TimeAmount(limits.sweepInterval)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        sweep = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            let (handler, context) = bound.value
            handler.look(context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    private func end() {
        isOver = true
        sweep?.cancel()
        sweep = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        switch unwrapInboundIn(data) {
        case .head:
            progress.receivedHead()
            guard progress.unanswered <= limits.maxPipelined else {
                metrics.refuse("pipelined")
                close(context)
                return
            }
        case .body(let bytes): progress.received(body: bytes.readableBytes)
        case .end: progress.receivedEnd(now: .now())
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        progress.endedReading(now: .now())
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        progress.beganReading(now: .now())
        context.read()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isOver else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head): if !(100..<200).contains(head.status.code) { progress.wroteHead() }
        case .body: break
        case .end: progress.wroteEnd(now: .now())
        }
        context.write(data, promise: promise)
    }

    /// A whole reply goes out that does not pass through here; `false`: the connection is over, and it must not.
    func answers() -> Bool {
        guard !isOver else { return false }
        progress.wroteHead()
        progress.wroteEnd(now: .now())
        return true
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        progress.changed(isWritable: context.channel.isWritable, now: .now())
        context.fireChannelWritabilityChanged()
    }

    private func look(_ context: ChannelHandlerContext) {
        guard !isOver, let overdue = progress.overdue(now: .now()) else { return }
        // Silence between two requests is no fault.
        metrics.refuse(overdue.rawValue)
        switch overdue {
        case .idle, .write: break
        case .head: refuse(context, .requestTimeout, [])
        case .body: refuse(context, .requestTimeout, [])
        case .answer: refuse(context, .serviceUnavailable, [("Retry-After", "5")])
        }
        close(context)
    }

    private func refuse(
        _ context: ChannelHandlerContext, _ status: HTTPResponseStatus, _ headers: [(String, String)]
    ) {
        guard progress.takesRefusal else { return }
        let head = HTTPResponseHead(
            version: .http1_1, status: status,
            headers: HTTPHeaders([("Connection", "close"), ("Content-Length", "0")] + headers))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func close(_ context: ChannelHandlerContext) {
        end()
        context.close(promise: nil)
    }
}

/// The connection's end at the socket, before decoder and encoder: tells the guard that bytes have come, and sends what
/// is in bytes already.
final class ByteWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: ConnectionGuard
    private var context: ChannelHandlerContext?

    init(_ connection: ConnectionGuard) { self.connection = connection }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func send(_ bytes: ByteBuffer) { context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }

    /// When all that was sent so far has gone to the socket, or never will.
    func flushed(_ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
        guard let wire = self.context else { return context.eventLoop.makeSucceededVoidFuture() }
        return wire.writeAndFlush(wrapOutboundOut(ByteBuffer()))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.received(bytes: unwrapInboundIn(data).readableBytes)
        context.fireChannelRead(data)
    }
}

/// A connection for which there is no room: told so as soon as it stands, and closed.
final class Refusal: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let reply =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

    /// How long a sender may take to read the reply. Closed at once, with bytes of its own unread, the connection would be
    /// reset, and the reply lost with it.
    private static let linger = TimeAmount.milliseconds(500)

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: Self.reply)), promise: nil)
        context.fireChannelActive()
        context.close(mode: .output, promise: nil)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.linger) { context.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
