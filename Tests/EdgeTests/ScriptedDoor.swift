import Edge
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A door that does what the path says, and notes what became of its requests:
///
/// - `/door/echo` replies with the body, `/door/where` with the threads it was worked on,
/// - `/door/refused` refuses by the head, `/door/full` by the first piece of the body,
/// - `/door/gate` waits for the gate, `/door/large` replies with more than any buffer holds.
final class ScriptedDoor: DirectDoor {
    struct Counts: Equatable {
        var entered = 0
        var ended = 0
        var abandoned = 0
        var replied = 0
    }

    static let largeBytes = 16 << 20

    let gate = Gate()
    /// Where the test hears of every request that was given up or has its reply.
    let settled: AsyncStream<Void>
    private let settle: AsyncStream<Void>.Continuation
    private let counts = Mutex(Counts())

    init() { (settled, settle) = AsyncStream.makeStream() }

    var seen: Counts { counts.withLock { $0 } }

    func enter(_ head: HTTPRequestHead, from address: ClientAddress) -> DirectEntry? {
        guard head.uri.hasPrefix("/door/") else { return nil }
        counts.withLock { $0.entered += 1 }
        if head.uri == "/door/refused" {
            return .answered(DirectReply(status: 403, headers: [.init("X-Quoted", "a\r\nX-Own: b")]))
        }
        return .awaited(Exchange(self, String(head.uri.dropFirst("/door/".count))))
    }

    private final class Exchange: DirectExchange {
        private let door: ScriptedDoor
        private let path: String
        private var body: [UInt8] = []

        init(_ door: ScriptedDoor, _ path: String) {
            self.door = door
            self.path = path
        }

        func receive(_ bytes: ByteBuffer) -> DirectReply? {
            if path == "full" { return DirectReply(status: 413) }
            body += Array(bytes.readableBytesView)
            return nil
        }

        func end() -> DirectWork {
            door.counts.withLock { $0.ended += 1 }
            let (door, path, body) = (door, path, body)
            return DirectWork(isShort: path != "where/long") {
                let reply =
                    switch path {
                    case "gate":
                        await { () async -> DirectReply in
                            await door.gate.pass()
                            return DirectReply(status: 200, body: Array("through".utf8))
                        }()
                    case "large":
                        DirectReply(status: 200, body: [UInt8](repeating: 0x2E, count: ScriptedDoor.largeBytes))
                    case "where", "where/long":
                        await { () async -> DirectReply in
                            let before = MultiThreadedEventLoopGroup.currentEventLoop != nil
                            await Task.yield()
                            let after = MultiThreadedEventLoopGroup.currentEventLoop != nil
                            return DirectReply(status: 200, body: Array("\(before) \(after)".utf8))
                        }()
                    default: DirectReply(status: 200, body: body)
                    }
                door.counts.withLock { $0.replied += 1 }
                door.settle.yield()
                return reply
            }
        }

        func abandon() {
            door.counts.withLock { $0.abandoned += 1 }
            door.settle.yield()
        }
    }
}

/// Holds whoever comes until it is opened, and says that somebody came.
final class Gate: Sendable {
    let arrivals: AsyncStream<Void>
    private let arrived: AsyncStream<Void>.Continuation
    private let waiting = Mutex<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    init() { (arrivals, arrived) = AsyncStream.makeStream() }

    func pass() async {
        arrived.yield()
        await withCheckedContinuation { continuation in
            let isOpen = waiting.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    /// Until so many have come.
    func arrived(_ count: Int = 1) async {
        var arrivals = arrivals.makeAsyncIterator()
        for _ in 0..<count { await arrivals.next() }
    }

    func open() {
        let waiters = waiting.withLock { state in
            defer { state = (true, []) }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
