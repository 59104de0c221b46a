public import Events
package import Sessions

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
    /// `true` where the session is flagged as a machine's; absent elsewhere.
    public var bot: Bool?

    package init(
        session: String, key: String, timeline: String, partition: Int, offset: Int64, purchased: Bool,
        purchaseOffset: Int64? = nil, prefixes: Int, records: Int, adds: Int, started: Int64, ended: Int64,
        closing: String, truncated: Bool, bot: Bool? = nil
    ) {
        self.session = session
        self.key = key
        self.timeline = timeline
        self.partition = partition
        self.offset = offset
        self.purchased = purchased
        self.purchaseOffset = purchaseOffset
        self.prefixes = prefixes
        self.records = records
        self.adds = adds
        self.started = started
        self.ended = ended
        self.closing = closing
        self.truncated = truncated
        self.bot = bot
    }
}

extension OutcomeRecord {
    package init(_ closed: ClosedSession, partition: Int) {
        let session = closed.session
        self.init(
            session: SessionIdentity(partition: partition, firstOffset: session.firstOffset).description,
            key: session.key, timeline: session.timeline.name, partition: partition, offset: closed.closedAt,
            purchased: session.purchased, purchaseOffset: session.purchase?.offset, prefixes: session.prefixes,
            records: session.records, adds: session.adds, started: session.startTimestamp,
            ended: session.lastTimestamp, closing: closed.closing.rawValue, truncated: session.truncated,
            bot: session.isBot ? true : nil)
    }

    public func encoded() -> [UInt8] {
        var json = JSONWriter(reserving: 320)
        return encoded(with: &json)
    }

    func encoded(with json: inout JSONWriter) -> [UInt8] {
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
        if let bot { json.member("bot", bot) }
        return json.finish()
    }

    /// Reads what `encoded` wrote.
    ///
    /// - Throws: `EventError`, naming the field or the byte.
    public init(decoding bytes: [UInt8]) throws(EventError) {
        var session: String?
        var key: String?
        var timeline: String?
        var partition: Int?
        var offset: Int64?
        var purchased: Bool?
        var purchaseOffset: Int64?
        var prefixes: Int?
        var records: Int?
        var adds: Int?
        var started: Int64?
        var ended: Int64?
        var closing: String?
        var truncated: Bool?
        var bot: Bool?
        try JSONMembers.read(bytes) { member throws(EventError) in
            switch member {
            case "session": session = try member.string()
            case "key": key = try member.string()
            case "timeline": timeline = try member.string()
            case "partition": partition = try member.integer()
            case "offset": offset = try member.integer()
            case "purchased": purchased = try member.bool()
            case "purchaseOffset": purchaseOffset = try member.integer()
            case "prefixes": prefixes = try member.integer()
            case "records": records = try member.integer()
            case "adds": adds = try member.integer()
            case "started": started = try member.integer()
            case "ended": ended = try member.integer()
            case "closing": closing = try member.string()
            case "truncated": truncated = try member.bool()
            case "bot": bot = try member.bool()
            default: break
            }
        }
        self.init(
            session: try JSONMembers.required(session, "session"), key: try JSONMembers.required(key, "key"),
            timeline: try JSONMembers.required(timeline, "timeline"),
            partition: try JSONMembers.required(partition, "partition"),
            offset: try JSONMembers.required(offset, "offset"),
            purchased: try JSONMembers.required(purchased, "purchased"), purchaseOffset: purchaseOffset,
            prefixes: try JSONMembers.required(prefixes, "prefixes"),
            records: try JSONMembers.required(records, "records"), adds: try JSONMembers.required(adds, "adds"),
            started: try JSONMembers.required(started, "started"), ended: try JSONMembers.required(ended, "ended"),
            closing: try JSONMembers.required(closing, "closing"),
            truncated: try JSONMembers.required(truncated, "truncated"), bot: bot)
    }
}
