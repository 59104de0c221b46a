package import Events

/// An open session as the fold keeps it: its steps stand in `Histories`. What is public of it says `Session`.
package struct OpenSession: Sendable {
    package internal(set) var key: String
    package internal(set) var timeline: Timeline
    package let firstOffset: Int64
    package let startClock: Int64
    package internal(set) var lastClock: Int64
    let startTimestamp: Int64
    var lastTimestamp: Int64
    var purchase: Purchase?
    /// Both flags stand here because they fit into what the purchase leaves of eight bytes.
    let truncated: Bool
    package internal(set) var isBot = false
    /// Products in the cart after the last event.
    package internal(set) var cart = 0
    var records: Int32 = 0
    var outOfOrder: Int32 = 0
    var adds: Int32 = 0
    /// Steps: the first entries of the history.
    var steps: Int32 = 0
    var history = Histories.List()

    /// How many of its events came before the first purchase.
    package var prefix: Int { Int(steps) }

    init(key: String, timeline: Timeline, firstOffset: Int64, clock: Int64, timestamp: Int64, truncated: Bool) {
        self.key = key
        self.timeline = timeline
        self.firstOffset = firstOffset
        startClock = clock
        lastClock = clock
        startTimestamp = timestamp
        lastTimestamp = timestamp
        self.truncated = truncated
    }

    enum Effect {
        case step
        case afterPurchase
        case repeated
    }

    /// Folds one event of this session.
    mutating func apply(_ event: EventFacts, offset: Int64, clock: Int64, _ histories: inout Histories) -> Effect {
        lastClock = clock
        records += 1
        let isStep = purchase == nil && event.kind != .purchase
        let seen = histories.look(
            for: event.id, sku: isStep ? event.sku : 0, page: isStep ? event.page : 0, in: history)
        if seen.id { return .repeated }

        if event.isBot { isBot = true }
        if event.timestamp < lastTimestamp { outOfOrder += 1 }
        let gap = max(0, event.timestamp - lastTimestamp)
        let elapsed_ms = UInt32(clamping: max(0, event.timestamp - startTimestamp))
        lastTimestamp = event.timestamp
        switch event.kind {
        case .add:
            cart += event.quantity
            adds += 1
        case .remove:
            cart = max(0, cart - event.quantity)
        default:
            break
        }
        if purchase == nil, event.kind == .purchase {
            purchase = Purchase(offset: offset, timestamp: event.timestamp, elapsed_ms: elapsed_ms)
        }
        // What comes after the steps is there for its id.
        let step = Step(
            kind: event.kind, sku: event.sku, page: event.page, section: event.section, gap_ms: UInt32(clamping: gap),
            elapsed_ms: elapsed_ms, cart: UInt16(clamping: cart), minuteOfWeek: Step.minuteOfWeek(event.timestamp),
            skuSeen: seen.sku, pageSeen: seen.page)
        histories.append(Histories.Entry(id: event.id, step: step), to: &history)
        guard isStep else { return .afterPurchase }
        steps += 1
        return .step
    }
}

extension Session {
    /// - Parameter steps: all of them, or none where nobody asks for them.
    init(_ open: OpenSession, steps: [Step]) {
        self.init(
            key: open.key, timeline: open.timeline, firstOffset: open.firstOffset, startClock: open.startClock,
            lastClock: open.lastClock, records: Int(open.records), startTimestamp: open.startTimestamp,
            lastTimestamp: open.lastTimestamp, prefixes: open.prefix, steps: steps, purchase: open.purchase,
            truncated: open.truncated,
            isBot: open.isBot, outOfOrder: Int(open.outOfOrder), cart: open.cart, adds: Int(open.adds))
    }
}
