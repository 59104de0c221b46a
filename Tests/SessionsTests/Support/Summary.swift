import Events
import Sessions

/// Everything that is public about a session, so that two folds can be compared.
struct Summary: Equatable {
    var key: String
    var timeline: Timeline
    var firstOffset: Int64
    var startClock: Int64
    var lastClock: Int64
    var records = 0
    var startTimestamp: Int64
    var lastTimestamp: Int64
    var steps: [Step] = []
    var purchase: Purchase?
    var outOfOrder = 0
    var cart = 0
    var adds = 0
    var truncated = false

    init(opening event: Event, _ timeline: Timeline, offset: Int64, clock: Int64) {
        key = event.session.map { "s:" + $0 } ?? "v:" + event.visitor!  // An event has one of them.
        self.timeline = timeline
        firstOffset = offset
        startClock = clock
        lastClock = clock
        startTimestamp = event.timestamp
        lastTimestamp = event.timestamp
    }

    init(_ session: Session) {
        key = session.key
        timeline = session.timeline
        firstOffset = session.firstOffset
        startClock = session.startClock
        lastClock = session.lastClock
        records = session.records
        startTimestamp = session.startTimestamp
        lastTimestamp = session.lastTimestamp
        steps = session.steps
        purchase = session.purchase
        outOfOrder = session.outOfOrder
        cart = session.cart
        adds = session.adds
        truncated = session.truncated
    }
}

/// What one record did, without slots, which two folds number differently.
struct Happening: Equatable {
    struct Closed: Equatable {
        var summary: Summary
        var closing: Closing
        var closedAt: Int64
    }

    var outcome: String
    var closed: [Closed] = []
}

/// All that a fold shows of its state.
struct State: Equatable {
    var open: [Summary] = []
    var clocks: [Int64?]
    var silence: Int64?
    var counters: Counters
    var sessions: SessionCounters

    private static let timelines: [Timeline] = [.live] + RandomLog.replays.map { .replay($0) }

    init(_ fold: SessionFold) {
        let keys = RandomLog.sessions.map { "s:" + $0 } + RandomLog.visitors.map { "v:" + $0 }
        for timeline in Self.timelines {
            for key in keys { if let slot = fold.slot(of: key, on: timeline) { open.append(Summary(fold[slot])) } }
        }
        open.sort { $0.firstOffset < $1.firstOffset }
        clocks = Self.timelines.map { fold.clock(of: $0) }
        silence = fold.liveSilenceBegins
        counters = fold.counters
        sessions = fold.sessionCounters
    }

    init(_ reference: ReferenceFold) {
        open = reference.open.map(\.summary).sorted { $0.firstOffset < $1.firstOffset }
        clocks = Self.timelines.map { timeline in reference.clocks.first { $0.timeline == timeline }?.clock }
        silence = open.filter { $0.timeline == .live }.map { $0.lastClock + reference.parameters.idleGap_ms }.min()
        counters = reference.counters
        sessions = reference.sessions
    }
}

extension SessionFold {
    @discardableResult
    mutating func fold(_ record: Record, scoring: Bool = true) -> Happening {
        var closed: [Happening.Closed] = []
        let outcome = fold(offset: record.offset, time: record.time, entry: record.entry, scoring: scoring) {
            closed.append(.init(summary: Summary($0.session), closing: $0.closing, closedAt: $0.closedAt))
        }
        let word =
            switch outcome {
            case .step(let slot): "step of \(self[slot].firstOffset)"
            case .afterPurchase(let slot): "after purchase of \(self[slot].firstOffset)"
            case .repeated(let slot): "repeated of \(self[slot].firstOffset)"
            case .muted: "muted"
            case .control: "control"
            case .rejected(let why): "rejected: \(why)"
            case .suppressed: "suppressed"
            }
        return Happening(outcome: word, closed: closed)
    }

    /// Folds records and returns what they did.
    @discardableResult
    mutating func fold(_ records: some Sequence<Record>) -> [Happening] { records.map { fold($0) } }

    /// A fold that a restarted program would have: from the committed text and the log alone.
    func restarted(on log: [Record], logStart: Int64 = 0) throws -> SessionFold {
        let position = try Position(decoding: position().encoded())
        var again = try SessionFold(resuming: position, logStart: logStart, parameters: parameters)
        let first = again.nextOffset
        for record in log where record.offset >= first && record.offset < position.next {
            let happening = again.fold(record)
            precondition(happening == Happening(outcome: "suppressed"), "restarted: \(happening) was committed before")
        }
        return again
    }
}
