import Events
public import Sessions

/// One record of the `scores` stream: what the shop did and what that says, whole in itself, so that consoles and
/// anything downstream live from these records alone.
public struct ScoreRecord: Sendable, Equatable, Codable {
    /// `PARTITION:FIRSTOFFSET`.
    public var session: String
    public var key: String
    public var timeline: String
    public var partition: Int
    /// The event's offset on the events log.
    public var offset: Int64
    /// The event's own time, milliseconds since the epoch.
    public var timestamp: Int64
    public var type: String
    public var sku: String?
    /// `Page.of(url:)` of the event's URL.
    public var page: String?
    /// How many events of the session this score has seen, this one included.
    public var prefix: Int
    /// Products in the cart.
    public var cart: Int
    /// P(a purchase occurs later in this session | the prefix), calibrated.
    public var score: Float
    /// `score` minus the score of the same model one event earlier; absent at the session's first event.
    public var change: Float?
    /// The model's number in the registry.
    public var model: Int
}

/// One record of the `outcomes` stream: what a closed session turned out to be; the label of all its prefixes.
public struct OutcomeRecord: Sendable, Equatable, Codable {
    /// `PARTITION:FIRSTOFFSET`.
    public var session: String
    public var key: String
    public var timeline: String
    public var partition: Int
    /// The offset of the record that closed the session.
    public var offset: Int64
    public var purchased: Bool
    /// The log offset of the first purchase.
    public var purchaseOffset: Int64?
    /// How many events came before the first purchase, or at all where there is none: the prefixes that this labels.
    public var prefixes: Int
    /// All records of the session, repeated ones too.
    public var records: Int
    public var adds: Int
    /// Own times of the first and the last event, milliseconds since the epoch.
    public var started: Int64
    public var ended: Int64
    /// Why the session is no longer open: `silence`, `end` (of its replay) or `muted`.
    public var closing: String
    /// The log no longer held the session's beginning.
    public var truncated: Bool
}

/// A session's identity in JSON.
public enum SessionIdentity {
    public static func text(partition: Int, firstOffset: Int64) -> String { "\(partition):\(firstOffset)" }
}

extension ScoreRecord {
    /// By hand: the general encoder costs ten times as much, and this is written for every event.
    public func encoded() -> [UInt8] {
        var json = JSONWriter(reserving: 320)
        json.member("session", session)
        json.member("key", key)
        json.member("timeline", timeline)
        json.member("partition", partition)
        json.member("offset", offset)
        json.member("timestamp", timestamp)
        json.member("type", type)
        if let sku { json.member("sku", sku) }
        if let page { json.member("page", page) }
        json.member("prefix", prefix)
        json.member("cart", cart)
        json.member("score", score)
        if let change { json.member("change", change) }
        json.member("model", model)
        return json.finish()
    }
}

extension OutcomeRecord {
    public func encoded() -> [UInt8] {
        var json = JSONWriter(reserving: 320)
        json.member("session", session)
        json.member("key", key)
        json.member("timeline", timeline)
        json.member("partition", partition)
        json.member("offset", offset)
        json.member("purchased", purchased)
        if let purchaseOffset { json.member("purchaseOffset", purchaseOffset) }
        json.member("prefixes", prefixes)
        json.member("records", records)
        json.member("adds", adds)
        json.member("started", started)
        json.member("ended", ended)
        json.member("closing", closing)
        json.member("truncated", truncated)
        return json.finish()
    }

    public init(_ closed: ClosedSession, partition: Int) {
        let session = closed.session
        self.init(
            session: SessionIdentity.text(partition: partition, firstOffset: session.firstOffset), key: session.key,
            timeline: session.timeline.name, partition: partition, offset: closed.closedAt,
            purchased: session.purchased, purchaseOffset: session.purchase?.offset, prefixes: session.steps.count,
            records: session.records, adds: session.adds, started: session.startTimestamp,
            ended: session.lastTimestamp, closing: closed.closing.rawValue, truncated: session.truncated)
    }
}
