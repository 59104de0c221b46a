import NIOCore
import NIOPosix

/// One request's fate.
struct Sent: Sendable {
    var due: NIODeadline
    /// `nil`: it waited for a connection until the end.
    var sent: NIODeadline?
    var answered: NIODeadline?
    /// 0: the connection broke.
    var status = 0
    var stored = 0
}

/// Sends requests when they are due, whatever became of those before: arrivals at a fixed rate over a fixed number of
/// connections, on one thread of its own. A request that finds no free connection waits, and its latency counts from
/// when it was due.
///
/// With `rate` nil every connection sends again as soon as it is answered: a closed loop, for capacity alone.
final class OpenLoop: Sendable {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let host: String
    private let port: Int

    init(url: String) throws {
        let authority = url.dropFirst("http://".count).split(separator: ":")
        guard authority.count == 2, let port = Int(authority[1]) else { throw Failure("\(url) has no port") }
        host = String(authority[0])
        self.port = port
    }

    /// - Parameters:
    ///   - rate: requests a second.
    ///   - first: number of the first event.
    func run(
        batch: EventBatch, rate: Double?, connections: Int, for length: Duration, first: Int
    ) async throws -> [Sent] {
        let run = LoadRun(batch: batch, rate: rate, first: first, loop: group.any())
        let bound = NIOLoopBoundBox.makeBoxSendingValue(run, eventLoop: group.any())
        var channels: [any Channel] = []
        for _ in 0..<connections {
            channels.append(
                try await ClientBootstrap(group: group).channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(LoadConnection(bound.value))
                        }
                    }.connect(host: host, port: port).get())
        }
        let loop = group.any()
        try await loop.submit { bound.value.begin() }.get()
        try await Task.sleep(for: length)
        // What was sent may still be answered.
        try await loop.submit { bound.value.end() }.get()
        let deadline = ContinuousClock.now + .seconds(10)
        while try await loop.submit({ bound.value.isBusy }).get(), ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(20))
        }
        for channel in channels { try? await channel.close() }
        return try await loop.submit { bound.value.sent }.get()
    }

    func shutdown() async throws { try await group.shutdownGracefully() }
}

/// The state of one run; touched on its loop alone.
final class LoadRun {
    private var batch: EventBatch
    private let rate: Double?
    private let first: Int
    private let loop: any EventLoop
    private(set) var sent: [Sent] = []
    private var idle: [LoadConnection] = []
    private var nextToSend = 0
    private var started = NIODeadline.now()
    private var clock: RepeatedTask?
    private var isOver = false
    private var busy = 0

    init(batch: EventBatch, rate: Double?, first: Int, loop: any EventLoop) {
        self.batch = batch
        self.rate = rate
        self.first = first
        self.loop = loop
    }

    var isBusy: Bool { busy > 0 }

    func begin() {
        started = .now()
        guard rate != nil else {
            for _ in 0..<idle.count { arrive(.now()) }
            return
        }
        let bound = NIOLoopBound(self, eventLoop: loop)
        clock = loop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(1)) { _ in bound.value.tick() }
    }

    func end() {
        isOver = true
        clock?.cancel()
    }

    private func tick() {
        guard let rate, !isOver else { return }
        let now = NIODeadline.now()
        let due = Int(Double((now - started).nanoseconds) / 1e9 * rate)
        while sent.count <= due {
            arrive(started + .nanoseconds(Int64(Double(sent.count) / rate * 1e9)))
        }
    }

    private func arrive(_ due: NIODeadline) {
        sent.append(Sent(due: due))
        sendNext()
    }

    private func sendNext() {
        guard !isOver, nextToSend < sent.count, let connection = idle.popLast() else { return }
        let number = nextToSend
        nextToSend += 1
        busy += 1
        sent[number].sent = .now()
        connection.send(number, batch.request(first: first + number * batch.count, ByteBufferAllocator()))
    }

    func free(_ connection: LoadConnection) {
        idle.append(connection)
        sendNext()
    }

    /// Closed while it had nothing to do: it is not to be given a request.
    func lost(_ connection: LoadConnection) { idle.removeAll { $0 === connection } }

    func answered(_ number: Int, status: Int, stored: Int, by connection: LoadConnection?) {
        busy -= 1
        sent[number].answered = .now()
        sent[number].status = status
        sent[number].stored = stored
        guard let connection else { return }
        idle.append(connection)
        if rate == nil, !isOver { arrive(.now()) } else { sendNext() }
    }
}

/// One connection, one request at a time.
final class LoadConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let run: LoadRun
    private var context: ChannelHandlerContext?
    private var number: Int?
    private var reply = ByteBuffer()

    init(_ run: LoadRun) { self.run = run }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        run.free(self)
    }

    func send(_ number: Int, _ request: ByteBuffer) {
        self.number = number
        context?.writeAndFlush(wrapOutboundOut(request), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        reply.writeBuffer(&bytes)
        guard let number, let (status, stored) = whole() else { return }
        reply.clear()
        self.number = nil
        run.answered(number, status: status, stored: stored, by: self)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        if let number { run.answered(number, status: 0, stored: 0, by: nil) } else { run.lost(self) }
        number = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// Status and stored events, once the reply is there to its last byte.
    private func whole() -> (Int, Int)? {
        let view = reply.readableBytesView
        let end = Array("\r\n\r\n".utf8)
        guard let head = view.firstRange(of: end) else { return nil }
        let text = String(decoding: view[..<head.lowerBound], as: UTF8.self).lowercased()
        let length = Self.number(after: "content-length: ", in: text) ?? 0
        guard view.endIndex - head.upperBound >= length else { return nil }
        let status = Int(text.dropFirst("http/1.1 ".count).prefix(3)) ?? 0
        let body = String(decoding: view[head.upperBound...].prefix(120), as: UTF8.self)
        return (status, Self.number(after: "\"stored\":", in: body) ?? 0)
    }

    private static func number(after mark: String, in text: String) -> Int? {
        guard let range = text.firstRange(of: mark) else { return nil }
        return Int(text[range.upperBound...].prefix { $0.isNumber })
    }
}

struct Failure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
