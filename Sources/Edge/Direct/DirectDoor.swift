public import NIOCore
public import NIOHTTP1

/// Requests that are answered on their connection's event loop, before any router sees them.
///
/// Why there is such a road beside Hummingbird's: there a request's head is copied twice into other types, its body is an
/// asynchronous sequence, and its tasks run on another pool of threads and come back. A POST of one event took 52 µs of the
/// server's processor time that way and 35 µs this way (64 connections, no scoring).
public protocol DirectDoor: Sendable {
    /// A request's head has come. `nil`: it is not for this door, and goes to the router.
    func enter(_ head: HTTPRequestHead, from address: ClientAddress) -> DirectEntry?
}

/// What a door says to a request's head.
public enum DirectEntry {
    /// Answered already; its body is not wanted.
    case answered(DirectReply)
    case awaited(any DirectExchange)
}

/// One request whose body is coming in. Used on its connection's event loop alone, and ended by exactly one of `end`,
/// `abandon`, or a reply of `receive`.
public protocol DirectExchange: AnyObject {
    /// A piece of the body. A reply: the rest of it is not wanted.
    func receive(_ bytes: ByteBuffer) -> DirectReply?
    /// The request is whole.
    func end() -> DirectWork
    /// The rest will never come.
    func abandon()
}

/// What makes the reply to a whole request. It is run whatever becomes of the connection.
public struct DirectWork: Sendable {
    /// Begins on the event loop, and goes on there after every wait: less than a millisecond in all, or everybody else
    /// on the loop waits for it. Otherwise on Swift's own threads.
    public var isShort: Bool
    public var reply: @Sendable () async -> DirectReply

    public init(isShort: Bool, reply: @escaping @Sendable () async -> DirectReply) {
        self.isShort = isShort
        self.reply = reply
    }
}

/// A reply, whole. `Content-Length`, `Date`, `Server` and `Connection` are added to it.
public struct DirectReply: Sendable, Equatable {
    public struct Header: Sendable, Equatable {
        public var name: String
        /// Without line breaks; such a byte is sent as a space.
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The HTTP status code.
    public var status: Int
    public var headers: [Header]
    public var body: [UInt8]

    public init(status: Int, headers: [Header] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}
