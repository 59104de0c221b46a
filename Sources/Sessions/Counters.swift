/// In which account every record of a partition ended up, cumulative since the log's start: one record, one account,
/// so that `next − start = total` always.
public struct Counters: Sendable, Equatable {
    /// Events before the first purchase that a model scored.
    public var scored: Int64 = 0
    /// The first purchase of a session and everything after it.
    public var afterPurchase: Int64 = 0
    /// Events whose id their session had already seen.
    public var repeated: Int64 = 0
    /// Events that would have been scored, but there was no model yet.
    public var unscored: Int64 = 0
    /// Records of muted sessions.
    public var muted: Int64 = 0
    /// Ticks and end marks.
    public var control: Int64 = 0
    /// Records the fold could not use.
    public var rejected: Int64 = 0
    /// Offsets that carry no record: Kafka's transaction markers. Always 0 on the embedded log.
    public var markers: Int64 = 0

    public init() {}

    public var total: Int64 {
        scored + afterPurchase + repeated + unscored + muted + control + rejected + markers
    }

    /// The accounts by the name they carry in JSON and metrics, in a fixed order.
    public static let accounts: [(name: String, path: any WritableKeyPath<Counters, Int64> & Sendable)] = [
        ("scored", \.scored), ("after_purchase", \.afterPurchase), ("repeated", \.repeated),
        ("unscored", \.unscored), ("muted", \.muted), ("control", \.control), ("rejected", \.rejected),
        ("markers", \.markers),
    ]
}

/// What became of sessions, cumulative since the log's start. An open session is in none but `opened`.
public struct SessionCounters: Sendable, Equatable {
    public var opened: Int64 = 0
    /// Closed by silence or an end mark.
    public var closed: Int64 = 0
    /// Closed by muting.
    public var muted: Int64 = 0
    /// Of closed and muted ones, those with a purchase.
    public var purchased: Int64 = 0
    /// Of closed and muted ones, those with an add.
    public var withAdd: Int64 = 0
    /// Of closed and muted ones, those whose beginning retention had passed.
    public var truncated: Int64 = 0
    /// Events out of order.
    public var outOfOrder: Int64 = 0
    /// Of closed and muted ones, those flagged as a machine's.
    public var bots: Int64 = 0

    public init() {}

    public static let accounts: [(name: String, path: any WritableKeyPath<SessionCounters, Int64> & Sendable)] = [
        ("opened", \.opened), ("closed", \.closed), ("muted", \.muted), ("purchased", \.purchased),
        ("with_add", \.withAdd), ("truncated", \.truncated), ("out_of_order", \.outOfOrder),
        ("bots", \.bots),
    ]

    /// Accounts that positions of earlier versions lack, whose records had none to count.
    static let addedLater: Set<String> = ["bots"]
}
