/// One thing a visitor did, validated and within `EventLimits`.
///
/// At least one of `session` and `visitor` is set. Times are milliseconds since the Unix epoch, UTC.
public struct Event: Sendable, Equatable {
    /// The sender's id, or one the collector made; a session that has seen it treats a second copy as repeated.
    public var id: String
    /// The session id as sent.
    public var session: String?
    /// The visitor id as sent; the session key where no session id is sent.
    public var visitor: String?
    public var kind: EventKind
    /// The event's own time, corrected for the client's clock skew where that is known. Feeds features and replay
    /// clocks, never the boundaries of live sessions.
    public var timestamp: Int64
    public var sku: String?
    public var url: String?
    /// What was searched for.
    public var query: String?
    public var price: Double?
    public var quantity: Int?
    /// The order's id, on a purchase.
    public var order: String?
    /// A machine did it, by what its sender or the collector says: the session is flagged, not dropped.
    public var isBot: Bool

    public init(
        id: String, session: String? = nil, visitor: String? = nil, kind: EventKind, timestamp: Int64,
        sku: String? = nil, url: String? = nil, query: String? = nil, price: Double? = nil, quantity: Int? = nil,
        order: String? = nil, isBot: Bool = false
    ) {
        precondition(session != nil || visitor != nil, "Event.init: an event needs a session or a visitor")
        self.id = id
        self.session = session
        self.visitor = visitor
        self.kind = kind
        self.timestamp = timestamp
        self.sku = sku
        self.url = url
        self.query = query
        self.price = price
        self.quantity = quantity
        self.order = order
        self.isBot = isBot
    }

    /// `s:` and the sent session id, or `v:` and the visitor id where only that was sent: the record's key on the
    /// log, so that a session stays on one partition.
    public var sessionKey: String {
        if let session { return "s:" + session }
        guard let visitor else { preconditionFailure("Event.sessionKey: neither session nor visitor") }
        return "v:" + visitor
    }

    /// The UTF-8 of `sessionKey`, without making it. (Not generic: a result's type would be looked up at every call.)
    package func withSessionKey(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        guard var id = session ?? visitor else {
            preconditionFailure("Event.withSessionKey: neither session nor visitor")
        }
        let prefix = session == nil ? UInt8(ascii: "v") : UInt8(ascii: "s")
        id.withUTF8 { id in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: id.count + 2) { key in
                key.initializeElement(at: 0, to: prefix)
                key.initializeElement(at: 1, to: UInt8(ascii: ":"))
                _ = key[2...].initialize(fromContentsOf: id)
                body(UnsafeBufferPointer(key))
            }
        }
    }
}
