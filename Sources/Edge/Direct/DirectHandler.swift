import DequeModule
import NIOCore
import NIOHTTP1

/// Stands between the guard and Hummingbird's own handlers: asks the door about every request, answers what is the
/// door's, and hands on what is not, with everything else that happens on the connection in its order.
///
/// 1. One request at a time (`DirectTurn`): what comes in meanwhile waits, and while anything waits the socket is not
///    read.
/// 2. A reply goes out before the next request is begun, and that only while the sender takes what is sent.
/// 3. The end of the sender's side, errors of the decoder and the server's stop wait for the replies before them.
/// 4. A door's work that has begun is run to its end; its reply is dropped where the sender has gone.
final class DirectHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Held {
        case part(HTTPServerRequestPart)
        case inputClosed
        case error(any Error)
    }

    private let door: any DirectDoor
    private let address: ClientAddress
    private let connection: ConnectionGuard
    private let wire: ByteWatch
    private let bytes: ReplyBytes
    private let executor: LoopExecutor

    private var turn = DirectTurn.free
    private var persistence = ReplyBytes.Persistence.implied
    /// Waits for its turn, in the order it came.
    private var held: Deque<Held> = []
    private var isDraining = false
    private var isWritable = true
    private var isReadWanted = false
    /// The server stops: to be passed on once nothing is under way here.
    private var isQuiescing = false

    init(
        _ door: any DirectDoor, address: ClientAddress, connection: ConnectionGuard, wire: ByteWatch,
        bytes: ReplyBytes, loop: any EventLoop
    ) {
        self.door = door
        self.address = address
        self.connection = connection
        self.wire = wire
        self.bytes = bytes
        executor = LoopExecutor(loop)
    }

    // MARK: What comes in

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if held.isEmpty, takesMore {
            take(part, context)
        } else {
            held.append(.part(part))
        }
    }

    private var takesMore: Bool {
        if case .free = turn { return isWritable }
        return turn.takesMore
    }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch (turn, part) {
        case (.free, .head(let head)): begin(head, context)
        case (.gathering(let exchange), .body(let body)):
            guard let reply = exchange.receive(body) else { return }
            turn = .dropping
            send(reply, context)
        case (.gathering(let exchange), .end): judge(exchange.end(), context)
        case (.dropping, .end): settle(context)
        case (.routed(_, let isAnswered), .end):
            turn = isAnswered ? .free : .routed(isWhole: true, isAnswered: false)
            context.fireChannelRead(wrapInboundOut(part))
        case (.dropping, _), (.over, _): break
        case (.free, _), (.gathering, _), (.routed, _), (.judging, _): context.fireChannelRead(wrapInboundOut(part))
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard let entry = door.enter(head, from: address) else {
            turn = .routed(isWhole: false, isAnswered: false)
            context.fireChannelRead(wrapInboundOut(.head(head)))
            return
        }
        persistence = !head.isKeepAlive ? .close : head.version.minor == 0 ? .keepAlive : .implied
        let isAsking = head.version.minor > 0 && head.headers.first(name: "expect")?.lowercased() == "100-continue"
        switch entry {
        case .answered(let reply):
            turn = .dropping
            // Whoever has not been told to go on may send the body or leave it out: what follows cannot be told apart.
            if isAsking { persistence = .close }
            send(reply, context)
            if isAsking { settle(context) }
        case .awaited(let exchange):
            turn = .gathering(exchange)
            if isAsking { wire.send(context.channel.allocator.buffer(string: "HTTP/1.1 100 Continue\r\n\r\n")) }
        }
    }

    /// The work is not bound to the connection: what it has begun is seen through, as every append is.
    private func judge(_ work: DirectWork, _ context: ChannelHandlerContext) {
        turn = .judging
        let loop = context.eventLoop
        let bound = NIOLoopBound((self, context), eventLoop: loop)
        let preference: (any TaskExecutor)? = work.isShort ? executor : nil
        Task(executorPreference: preference) {
            let reply = await work.reply()
            if loop.inEventLoop {
                bound.value.0.answer(reply, bound.value.1)
            } else {
                loop.execute { bound.value.0.answer(reply, bound.value.1) }
            }
        }
    }

    // MARK: What goes out

    private func answer(_ reply: DirectReply, _ context: ChannelHandlerContext) {
        guard case .judging = turn else { return }
        send(reply, context)
        settle(context)
        drain(context)
    }

    private func send(_ reply: DirectReply, _ context: ChannelHandlerContext) {
        guard connection.answers() else { return }
        wire.send(bytes.buffer(reply, persistence, context.channel.allocator))
    }

    /// A request of the door's is over.
    private func settle(_ context: ChannelHandlerContext) {
        if case .close = persistence {
            turn = .over
            context.close(mode: .output, promise: nil)
        } else {
            turn = .free
        }
        quiesceIfSettled(context)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data), case .routed(let isWhole, _) = turn else {
            context.write(data, promise: promise)
            return
        }
        context.write(data, promise: promise)
        turn = isWhole ? .free : .routed(isWhole: false, isAnswered: true)
        drain(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if isWritable { drain(context) }
        context.fireChannelWritabilityChanged()
    }

    // MARK: What waits

    private func drain(_ context: ChannelHandlerContext) {
        guard !isDraining, !held.isEmpty else { return }
        isDraining = true
        defer {
            isDraining = false
            // What was passed on is looked at when a reading is complete.
            context.fireChannelReadComplete()
        }
        while let first = held.first {
            switch first {
            case .part(let part):
                guard takesMore else { break }
                held.removeFirst()
                take(part, context)
                continue
            case .inputClosed:
                guard !isJudging else { break }
                held.removeFirst()
                closeInput(context)
                continue
            case .error(let error):
                guard !isJudging else { break }
                held.removeFirst()
                fail(error, context)
                continue
            }
            break
        }
        guard held.isEmpty else { return }
        quiesceIfSettled(context)
        if isReadWanted {
            isReadWanted = false
            context.read()
        }
    }

    func read(context: ChannelHandlerContext) {
        if held.isEmpty {
            context.read()
        } else {
            isReadWanted = true
        }
    }

    private var isJudging: Bool { if case .judging = turn { true } else { false } }

    // MARK: What ends

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            isQuiescing = true
            quiesceIfSettled(context)
        case ChannelEvent.inputClosed as ChannelEvent:
            if held.isEmpty, !isJudging {
                closeInput(context)
            } else {
                held.append(.inputClosed)
            }
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    /// Hummingbird closes the connection at once where it has no request under way.
    private func quiesceIfSettled(_ context: ChannelHandlerContext) {
        guard isQuiescing, held.isEmpty, !turn.isDirect else { return }
        isQuiescing = false
        passOn(ChannelShouldQuiesceEvent(), context)
    }

    /// The sender sends no more, and may still read.
    private func closeInput(_ context: ChannelHandlerContext) {
        abandon()
        passOn(ChannelEvent.inputClosed, context)
    }

    /// An event after which the connection may be closed: what was written before goes out first.
    private func passOn(_ event: any Sendable, _ context: ChannelHandlerContext) {
        if case .routed = turn {
            context.fireUserInboundEventTriggered(event)
            return
        }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        wire.flushed(context).whenComplete { _ in bound.value.fireUserInboundEventTriggered(event) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if held.isEmpty, !isJudging {
            fail(error, context)
        } else {
            held.append(.error(error))
        }
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        abandon()
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    private func end() {
        abandon()
        turn = .over
        held.removeAll()
    }

    /// Gives up a request whose rest will not come.
    private func abandon() {
        guard case .gathering(let exchange) = turn else { return }
        exchange.abandon()
        turn = .over
    }
}
