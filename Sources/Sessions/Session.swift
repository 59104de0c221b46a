public import Events

/// The first purchase of a session.
public struct Purchase: Sendable, Equatable {
    /// The log offset of the purchase event.
    public var offset: Int64
    /// The purchase's own time.
    public var timestamp: Int64
    /// The purchase's `Step.elapsed_ms`: steps of this or a later elapsed time may have seen it (a thank-you page
    /// shares its time stamp), so training and evaluation mask them.
    public var elapsed_ms: UInt32

    public init(offset: Int64, timestamp: Int64, elapsed_ms: UInt32) {
        self.offset = offset
        self.timestamp = timestamp
        self.elapsed_ms = elapsed_ms
    }
}

/// One open session: a key's records on one timeline with no clock gap of more than the idle gap.
public struct Session: Sendable, Equatable {
    public internal(set) var key: String
    public internal(set) var timeline: Timeline
    /// With the partition, the session's identity.
    public internal(set) var firstOffset: Int64
    /// The timeline's clock at the first record.
    public internal(set) var startClock: Int64
    /// The timeline's clock at the last record, a repeated one too.
    public internal(set) var lastClock: Int64
    /// All records, repeated ones too.
    public internal(set) var records: Int
    /// The first event's own time.
    public internal(set) var startTimestamp: Int64
    /// The latest (in log order) event's own time.
    public internal(set) var lastTimestamp: Int64
    /// The events before the first purchase, in log order: what is scored, and the training example.
    public internal(set) var steps: [Step]
    public internal(set) var purchase: Purchase?
    /// The log began after this session may have: retention passed its beginning. (Both flags stand here because they fit
    /// into what the purchase leaves of eight bytes.)
    public internal(set) var truncated: Bool
    /// One of its events is a machine's.
    public internal(set) var isBot: Bool
    /// Events whose own time lay before their predecessor's.
    public internal(set) var outOfOrder: Int
    /// Products in the cart after the last event, and how many adds there were.
    public internal(set) var cart: Int
    public internal(set) var adds: Int
    var ids: SeenIDs

    /// Whether the session is known to have bought.
    public var purchased: Bool { purchase != nil }

    /// The steps that training and evaluation may see: strictly before the first purchase's time.
    public var maskedSteps: ArraySlice<Step> {
        guard let purchase else { return steps[...] }
        let end = steps.firstIndex { $0.elapsed_ms >= purchase.elapsed_ms } ?? steps.endIndex
        return steps[..<end]
    }
}

extension Session {
    init(key: String, timeline: Timeline, firstOffset: Int64, clock: Int64, timestamp: Int64, truncated: Bool) {
        self.key = key
        self.timeline = timeline
        self.firstOffset = firstOffset
        startClock = clock
        lastClock = clock
        records = 0
        startTimestamp = timestamp
        lastTimestamp = timestamp
        steps = []
        outOfOrder = 0
        cart = 0
        adds = 0
        self.truncated = truncated
        isBot = false
        ids = SeenIDs()
    }

    /// The session; its slot is free from now on and keeps nothing of it that has a size.
    mutating func moved() -> Session {
        var empty = Session(
            key: "", timeline: .live, firstOffset: firstOffset, clock: lastClock, timestamp: lastTimestamp,
            truncated: false)
        swap(&self, &empty)
        return empty
    }

    enum Effect {
        case step
        case afterPurchase
        case repeated
    }

    /// Folds one event of this session.
    mutating func apply(_ event: Event, offset: Int64, clock: Int64) -> Effect {
        lastClock = clock
        records += 1
        guard ids.insert(StableHash.of(event.id)) else { return .repeated }

        if event.isBot { isBot = true }
        if event.timestamp < lastTimestamp { outOfOrder += 1 }
        let gap = max(0, event.timestamp - lastTimestamp)
        let elapsed = max(0, event.timestamp - startTimestamp)
        lastTimestamp = event.timestamp
        let quantity = event.quantity ?? 1
        switch event.kind {
        case .add:
            cart += quantity
            adds += 1
        case .remove:
            cart = max(0, cart - quantity)
        default:
            break
        }
        if purchased { return .afterPurchase }
        let elapsed_ms = UInt32(clamping: elapsed)
        if event.kind == .purchase {
            purchase = Purchase(offset: offset, timestamp: event.timestamp, elapsed_ms: elapsed_ms)
            return .afterPurchase
        }
        let sku = event.sku.map { StableHash.of($0) } ?? 0
        let (page, section) = event.url.map { Page.hashes(of: $0) } ?? (0, 0)
        steps.append(
            Step(
                kind: event.kind, sku: sku, page: page, section: section, gap_ms: UInt32(clamping: gap),
                elapsed_ms: elapsed_ms, cart: UInt16(clamping: cart), minuteOfWeek: Step.minuteOfWeek(event.timestamp),
                skuSeen: sku == 0 ? 0 : UInt8(clamping: steps.count { $0.sku == sku }),
                pageSeen: page == 0 ? 0 : UInt8(clamping: steps.count { $0.page == page })))
        return .step
    }
}

/// Why a session is no longer open.
public enum Closing: String, Sendable, Equatable {
    /// The clock passed its last record by more than the idle gap.
    case silence
    /// Its replay's end mark.
    case end
    /// It went past the limits; what it did afterwards is only counted.
    case muted
}
