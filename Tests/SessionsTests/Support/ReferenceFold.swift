import Events
import Sessions

/// A second reading of the session rules, as naive as can be: lists that are searched from end to end, texts instead of
/// hashes. Never resumed: it has always seen the whole log.
struct ReferenceFold {
    struct Open: Equatable {
        var summary: Summary
        var ids: [String] = []
        var skus: [String] = []
        var pages: [String] = []
        /// Grows with every record of the session: who was active longest ago closes first.
        var touched = 0
    }

    struct Muted {
        var key: [UInt8]
        var timeline: Timeline
        var lastClock: Int64
    }

    let parameters: FoldParameters
    var clocks: [(timeline: Timeline, clock: Int64)] = []
    var open: [Open] = []
    var muted: [Muted] = []
    var counters = Counters()
    var sessions = SessionCounters()
    private var next: Int64
    private var touches = 0

    init(start: Int64, parameters: FoldParameters) {
        self.parameters = parameters
        next = start
    }

    mutating func fold(_ record: Record, scoring: Bool = true) -> Happening {
        counters.markers += record.offset - next
        next = record.offset + 1
        var closed: [Happening.Closed] = []
        let outcome = outcome(of: record, scoring: scoring, &closed)
        return Happening(outcome: outcome, closed: closed)
    }

    private mutating func outcome(of record: Record, scoring: Bool, _ closed: inout [Happening.Closed]) -> String {
        switch record.entry {
        case nil:
            counters.rejected += 1
            return "rejected: unreadable"
        case .tick:
            if clocks.contains(where: { $0.timeline == .live }) {
                advance(.live, to: record.time, record.offset, &closed)
            }
            counters.control += 1
            return "control"
        case .end(let name):
            close({ $0.timeline == .replay(name) }, .end, record.offset, &closed)
            muted.removeAll { $0.timeline == .replay(name) }
            clocks.removeAll { $0.timeline == .replay(name) }
            counters.control += 1
            return "control"
        case .event(let event, let timeline):
            let time = timeline == .live ? record.time : event.timestamp
            if !clocks.contains(where: { $0.timeline == timeline }) {
                if timeline != .live, clocks.count(where: { $0.timeline != .live }) == parameters.maxReplays {
                    counters.rejected += 1
                    return "rejected: tooManyReplays"
                }
                clocks.append((timeline, time))
            }
            advance(timeline, to: time, record.offset, &closed)
            return fold(event, timeline, record.offset, scoring: scoring, &closed)
        }
    }

    private mutating func fold(
        _ event: Event, _ timeline: Timeline, _ offset: Int64, scoring: Bool, _ closed: inout [Happening.Closed]
    ) -> String {
        let clock = clocks.first { $0.timeline == timeline }!.clock  // Its caller has set it.
        let key = Array((event.session.map { "s:" + $0 } ?? "v:" + event.visitor!).utf8)  // An event has one of them.
        if let index = muted.firstIndex(where: { $0.key == key && $0.timeline == timeline }) {
            muted[index].lastClock = clock
            counters.muted += 1
            return "muted"
        }
        func isWanted(_ open: Open) -> Bool {
            Array(open.summary.key.utf8) == key && open.summary.timeline == timeline
        }
        if let session = open.first(where: isWanted)?.summary,
            session.records >= parameters.maxRecords || clock - session.startClock > parameters.maxDuration_ms
        {
            close({ Array($0.key.utf8) == key && $0.timeline == timeline }, .muted, offset, &closed)
            muted.append(Muted(key: key, timeline: timeline, lastClock: clock))
            counters.muted += 1
            return "muted"
        }
        if !open.contains(where: isWanted) {
            open.append(Open(summary: Summary(opening: event, timeline, offset: offset, clock: clock)))
            sessions.opened += 1
        }
        let index = open.firstIndex(where: isWanted)!  // Appended above where there was none.
        touches += 1
        open[index].touched = touches
        let before = open[index].summary.outOfOrder
        let word = open[index].apply(event, offset: offset, clock: clock)
        sessions.outOfOrder += Int64(open[index].summary.outOfOrder - before)
        switch word {
        case "step": if scoring { counters.scored += 1 } else { counters.unscored += 1 }
        case "repeated": counters.repeated += 1
        default: counters.afterPurchase += 1
        }
        return "\(word) of \(open[index].summary.firstOffset)"
    }

    private mutating func advance(
        _ timeline: Timeline, to time: Int64, _ offset: Int64, _ closed: inout [Happening.Closed]
    ) {
        let index = clocks.firstIndex { $0.timeline == timeline }!  // Its callers have made sure.
        let clock = max(clocks[index].clock, time)
        clocks[index].clock = clock
        let gap = parameters.idleGap_ms
        close({ $0.timeline == timeline && clock - $0.lastClock > gap }, .silence, offset, &closed)
        muted.removeAll { $0.timeline == timeline && clock - $0.lastClock > gap }
    }

    private mutating func close(
        _ shouldClose: (Summary) -> Bool, _ closing: Closing, _ offset: Int64, _ closed: inout [Happening.Closed]
    ) {
        for session in open.filter({ shouldClose($0.summary) }).sorted(by: { $0.touched < $1.touched }) {
            closed.append(.init(summary: session.summary, closing: closing, closedAt: offset))
            if closing == .muted { sessions.muted += 1 } else { sessions.closed += 1 }
            if session.summary.purchase != nil { sessions.purchased += 1 }
            if session.summary.adds > 0 { sessions.withAdd += 1 }
        }
        open.removeAll { shouldClose($0.summary) }
    }
}

extension ReferenceFold.Open {
    mutating func apply(_ event: Event, offset: Int64, clock: Int64) -> String {
        summary.lastClock = clock
        summary.records += 1
        if ids.contains(event.id) { return "repeated" }
        ids.append(event.id)
        let gap = max(0, event.timestamp - summary.lastTimestamp)
        let elapsed = max(0, event.timestamp - summary.startTimestamp)
        if event.timestamp < summary.lastTimestamp { summary.outOfOrder += 1 }
        summary.lastTimestamp = event.timestamp
        if event.kind == .add {
            summary.adds += 1
            summary.cart += event.quantity ?? 1
        }
        if event.kind == .remove { summary.cart = max(0, summary.cart - (event.quantity ?? 1)) }
        if summary.purchase != nil { return "after purchase" }
        if event.kind == .purchase {
            summary.purchase = Purchase(offset: offset, timestamp: event.timestamp, elapsed_ms: UInt32(elapsed))
            return "after purchase"
        }
        let page = RandomLog.pages.first { $0.1 == event.url }?.0
        let minutes = event.timestamp / 60_000 - 1_569_801_600_000 / 60_000  // Since Monday, 30 September 2019.
        summary.steps.append(
            Step(
                kind: event.kind, sku: event.sku.map { StableHash.of($0) } ?? 0,
                page: page.map { StableHash.of($0) } ?? 0,
                gap_ms: UInt32(gap), elapsed_ms: UInt32(elapsed), cart: UInt16(summary.cart),
                minuteOfWeek: UInt16(minutes), skuSeen: UInt8(skus.count { $0 == event.sku }),
                pageSeen: UInt8(pages.count { $0 == page })))
        if let sku = event.sku { skus.append(sku) }
        if let page { pages.append(page) }
        return "step"
    }
}
