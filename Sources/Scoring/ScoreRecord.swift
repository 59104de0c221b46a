public import Events
import Intent
import Sessions

/// One record of the `scores` stream: what the shop did and what that says, whole in itself, so that consoles and
/// anything downstream live from these records alone. A function of the log and the model, in every field.
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
    /// `true` where the session is flagged as a machine's; absent elsewhere.
    public var bot: Bool?

    package init(
        session: String, key: String, timeline: String, partition: Int, offset: Int64, timestamp: Int64, type: String,
        sku: String? = nil, page: String? = nil, prefix: Int, cart: Int, score: Float, change: Float? = nil, model: Int,
        bot: Bool? = nil
    ) {
        self.session = session
        self.key = key
        self.timeline = timeline
        self.partition = partition
        self.offset = offset
        self.timestamp = timestamp
        self.type = type
        self.sku = sku
        self.page = page
        self.prefix = prefix
        self.cart = cart
        self.score = score
        self.change = change
        self.model = model
        self.bot = bot
    }
}

extension ScoreRecord {
    /// - Parameters:
    ///   - session: as it stands after the event was folded.
    ///   - model: the number of the model that gave the score.
    init(_ event: Event, partition: Int, offset: Int64, session: OpenSession, score: Score, model: Int) {
        self.init(
            session: SessionIdentity(partition: partition, firstOffset: session.firstOffset).description,
            key: session.key, timeline: session.timeline.name, partition: partition, offset: offset,
            timestamp: event.timestamp, type: event.kind.name, sku: event.sku,
            page: event.url.map { String(Page.of(url: $0)) }, prefix: session.prefix, cart: session.cart,
            score: score.value, change: score.change, model: model, bot: session.isBot ? true : nil)
    }

    public func encoded() -> [UInt8] {
        var json = JSONWriter(reserving: 320)
        json.member("session", session)
        Self.write(
            key: key, timeline: timeline, partition: partition, offset: offset, timestamp: timestamp, type: type,
            sku: sku, page: page.map { $0[...] }, prefix: prefix, cart: cart, score: score, change: change,
            model: model, bot: bot, to: &json)
        return json.finish()
    }

    /// The record of an event, encoded at once: what is written for every event takes no detour through a value.
    static func encode(
        _ event: Event, partition: Int, offset: Int64, session: OpenSession, score: Score, model: Int,
        with json: inout JSONWriter
    ) -> [UInt8] {
        json.member("session", Int64(partition), colon: session.firstOffset)
        write(
            key: session.key, timeline: session.timeline.name, partition: partition, offset: offset,
            timestamp: event.timestamp, type: event.kind.name, sku: event.sku, page: event.url.map(Page.of(url:)),
            prefix: session.prefix, cart: session.cart, score: score.value, change: score.change, model: model,
            bot: session.isBot ? true : nil, to: &json)
        return json.finish()
    }

    /// Everything but the session's identity. By hand: the general encoder costs ten times as much.
    private static func write(
        key: String, timeline: String, partition: Int, offset: Int64, timestamp: Int64, type: String, sku: String?,
        page: Substring?, prefix: Int, cart: Int, score: Float, change: Float?, model: Int, bot: Bool?,
        to json: inout JSONWriter
    ) {
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
        if let bot { json.member("bot", bot) }
    }

    /// Reads what `encoded` wrote, the scores bit for bit.
    ///
    /// - Throws: `EventError`, naming the field or the byte.
    public init(decoding bytes: [UInt8]) throws(EventError) {
        var session: String?
        var key: String?
        var timeline: String?
        var partition: Int?
        var offset: Int64?
        var timestamp: Int64?
        var type: String?
        var sku: String?
        var page: String?
        var prefix: Int?
        var cart: Int?
        var score: Float?
        var change: Float?
        var model: Int?
        var bot: Bool?
        try JSONMembers.read(bytes) { member throws(EventError) in
            switch member {
            case "session": session = try member.string()
            case "key": key = try member.string()
            case "timeline": timeline = try member.string()
            case "partition": partition = try member.integer()
            case "offset": offset = try member.integer()
            case "timestamp": timestamp = try member.integer()
            case "type": type = try member.string()
            case "sku": sku = try member.string()
            case "page": page = try member.string()
            case "prefix": prefix = try member.integer()
            case "cart": cart = try member.integer()
            case "score": score = try member.float()
            case "change": change = try member.float()
            case "model": model = try member.integer()
            case "bot": bot = try member.bool()
            default: break
            }
        }
        self.init(
            session: try JSONMembers.required(session, "session"), key: try JSONMembers.required(key, "key"),
            timeline: try JSONMembers.required(timeline, "timeline"),
            partition: try JSONMembers.required(partition, "partition"),
            offset: try JSONMembers.required(offset, "offset"),
            timestamp: try JSONMembers.required(timestamp, "timestamp"), type: try JSONMembers.required(type, "type"),
            sku: sku, page: page, prefix: try JSONMembers.required(prefix, "prefix"),
            cart: try JSONMembers.required(cart, "cart"), score: try JSONMembers.required(score, "score"),
            change: change, model: try JSONMembers.required(model, "model"), bot: bot)
    }
}
