/// The session rules once more, written from the documentation and not from the fold, with nothing but dictionaries:
/// slow, always from the log's first record, never resumed. What it says is what sessions, outcomes and accounts of one
/// partition should be.
public struct ReferenceFold: Sendable {
    /// Where a record is counted, by the account's name.
    public enum Account: String, Sendable, CaseIterable {
        /// Before its session's first purchase: one score is due.
        case scored
        case afterPurchase = "after_purchase"
        case repeated, muted, control, rejected
    }

    /// What a session turned out to be: the fields of an outcome record.
    public struct Outcome: Sendable, Equatable {
        public var session: String
        public var key: String
        public var timeline: String
        /// The offset of the record that closed it.
        public var offset: Int64
        public var purchaseOffset: Int64?
        public var prefixes: Int
        public var records: Int
        public var adds: Int
        public var started: Int64
        public var ended: Int64
        public var closing: String
    }

    /// The score that an event should have: the fields of a score record that no model decides.
    public struct Due: Sendable, Equatable {
        public var session: String
        public var key: String
        public var timeline: String
        public var offset: Int64
        public var timestamp: Int64
        public var type: String
        public var sku: String?
        public var prefix: Int
        public var cart: Int
    }

    private struct Open {
        var first: Int64
        var startClock: Int64
        var lastClock: Int64
        var records = 0
        var ids: Set<String> = []
        var prefixes = 0
        var purchase: Int64?
        var adds = 0
        var cart = 0
        var started: Int64
        var ended: Int64
    }

    private struct Line {
        var clock: Int64
        var open: [String: Open] = [:]
        /// The clock at their last record.
        var muted: [String: Int64] = [:]
        /// Nobody can have been silent for too long before the clock passes this.
        var quietUntil: Int64 = .min
    }

    static let gap_ms: Int64 = 30 * 60_000
    static let maxRecords = 5_000
    static let maxDuration_ms: Int64 = 24 * 3_600_000
    static let maxReplays = 12

    private let partition: Int
    private var lines: [String: Line] = [:]
    public private(set) var accounts: [Account: Int64] = [:]
    /// By the name that positions and `/status` give them.
    public private(set) var sessions: [String: Int64] = [
        "opened": 0, "closed": 0, "muted": 0, "purchased": 0, "with_add": 0, "out_of_order": 0, "truncated": 0,
    ]
    public private(set) var outcomes: [Outcome] = []
    public private(set) var dues: [Due] = []

    public init(partition: Int) { self.partition = partition }

    public var openSessions: Int { lines.values.reduce(0) { $0 + $1.open.count } }

    /// The oldest first offset of an open session.
    public var lowWater: Int64? { lines.values.compactMap { $0.open.values.map(\.first).min() }.min() }

    public mutating func take(_ record: PlainRecord, offset: Int64, time: Int64) -> Account {
        let account = account(of: record, offset: offset, time: time)
        accounts[account, default: 0] += 1
        return account
    }

    private mutating func account(of record: PlainRecord, offset: Int64, time: Int64) -> Account {
        switch record {
        case .unusable:
            return .rejected
        case .tick:
            if lines["live"] != nil { advance("live", to: time, offset: offset) }
            return .control
        case .end(let timeline):
            for key in Array((lines[timeline]?.open ?? [:]).keys) {
                close(key, on: timeline, offset: offset, closing: "end")
            }
            lines[timeline] = nil
            return .control
        case .event(let event):
            let clock = event.timeline == "live" ? time : event.timestamp
            if lines[event.timeline] == nil {
                let replays = lines.keys.count { $0 != "live" }
                if event.timeline != "live", replays == Self.maxReplays { return .rejected }
                lines[event.timeline] = Line(clock: clock)
            }
            advance(event.timeline, to: clock, offset: offset)
            return take(event, offset: offset)
        }
    }

    private mutating func advance(_ name: String, to time: Int64, offset: Int64) {
        guard var line = lines[name], time > line.clock else { return }
        line.clock = time
        lines[name] = line
        guard time > line.quietUntil else { return }
        for (key, open) in line.open where time - open.lastClock > Self.gap_ms {
            close(key, on: name, offset: offset, closing: "silence")
        }
        for (key, last) in line.muted where time - last > Self.gap_ms { lines[name]?.muted[key] = nil }
        // Whoever comes from now on is silent for too long later than this.
        let left = (lines[name]?.open.values.map(\.lastClock) ?? []) + (lines[name]?.muted.values.map(\.self) ?? [])
        lines[name]?.quietUntil = (left.min() ?? time) + Self.gap_ms
    }

    private mutating func take(_ event: PlainEvent, offset: Int64) -> Account {
        let clock = lines[event.timeline]?.clock ?? 0
        if lines[event.timeline]?.muted[event.key] != nil {
            lines[event.timeline]?.muted[event.key] = clock
            return .muted
        }
        var open =
            lines[event.timeline]?.open[event.key]
            ?? Open(
                first: offset, startClock: clock, lastClock: clock, started: event.timestamp, ended: event.timestamp)
        if open.records >= Self.maxRecords || clock - open.startClock > Self.maxDuration_ms {
            close(event.key, on: event.timeline, offset: offset, closing: "muted")
            lines[event.timeline]?.muted[event.key] = clock
            return .muted
        }
        if open.records == 0 { sessions["opened", default: 0] += 1 }
        let account = fold(event, into: &open, clock: clock, offset: offset)
        lines[event.timeline]?.open[event.key] = open
        if account == .scored {
            dues.append(
                Due(
                    session: "\(partition):\(open.first)", key: event.key, timeline: event.timeline, offset: offset,
                    timestamp: event.timestamp, type: event.type, sku: event.sku, prefix: open.prefixes,
                    cart: open.cart))
        }
        return account
    }

    private mutating func fold(_ event: PlainEvent, into open: inout Open, clock: Int64, offset: Int64) -> Account {
        open.lastClock = clock
        open.records += 1
        guard open.ids.insert(event.id).inserted else { return .repeated }
        if event.timestamp < open.ended { sessions["out_of_order", default: 0] += 1 }
        open.ended = event.timestamp
        if event.type == "add" {
            open.adds += 1
            open.cart += event.quantity
        }
        if event.type == "remove" { open.cart = max(0, open.cart - event.quantity) }
        if open.purchase == nil, event.type == "purchase" { open.purchase = offset }
        if open.purchase != nil { return .afterPurchase }
        open.prefixes += 1
        return .scored
    }

    private mutating func close(_ key: String, on timeline: String, offset: Int64, closing: String) {
        guard let open = lines[timeline]?.open.removeValue(forKey: key) else { return }
        sessions[closing == "muted" ? "muted" : "closed", default: 0] += 1
        if open.purchase != nil { sessions["purchased", default: 0] += 1 }
        if open.adds > 0 { sessions["with_add", default: 0] += 1 }
        outcomes.append(
            Outcome(
                session: "\(partition):\(open.first)", key: key, timeline: timeline, offset: offset,
                purchaseOffset: open.purchase, prefixes: open.prefixes, records: open.records, adds: open.adds,
                started: open.started, ended: open.ended, closing: closing))
    }
}
