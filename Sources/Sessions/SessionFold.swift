public import Events

/// The fold: one partition's log in, sessions out. Live scoring, replay, training, evaluation and audit all run this.
///
/// Invariants:
/// 1. The state is a function of the records folded, nothing else.
/// 2. A timeline's clock never goes back. A session is open while `clock − lastClock ≤ idleGap`.
/// 3. Every record adds one to exactly one account of `counters`, but for those folded again after `init(resuming:)`,
///    which were counted before.
/// 4. Folding again from `position().lowWaterOffset` gives the same state.
///
/// Open sessions live in slots: small numbers, reused after a session closes, so that whoever keeps something beside
/// a session (a model's hidden state, say) can keep it in an array.
public struct SessionFold: Sendable {
    /// What became of one record.
    public enum Outcome: Sendable, Equatable {
        /// An event before the session's first purchase: `self[slot].steps.last`.
        case step(slot: Int)
        /// The first purchase or an event after it.
        case afterPurchase(slot: Int)
        /// The session has seen this id.
        case repeated(slot: Int)
        case muted
        case control
        case rejected(FoldRejection)
        /// Folded again after a restart: its outputs are committed already.
        case suppressed
    }

    public let parameters: FoldParameters
    /// Whether closed sessions are reported with their steps. Who only counts them does without the copies.
    public var reportsSteps = true
    public private(set) var counters: Counters
    public internal(set) var sessionCounters: SessionCounters
    public private(set) var nextOffset: Int64
    public internal(set) var openSessions = 0
    let start: Int64

    /// By slot.
    var sessions: ContiguousArray<OpenSession> = []
    var histories = Histories()
    var freeSlots: [Int32] = []
    var timelines: [TimelineState] = []
    /// By last activity: the first is the next to close.
    var activity = SlotLinks()
    /// By first offset: the first holds the low-water.
    var age = SlotLinks()
    var muted = MutedSessions()
    /// Sessions that began before this offset are truncated.
    var truncatedBefore: Int64 = 0
    var resuming: Resuming?

    struct TimelineState: Sendable {
        var timeline: Timeline
        var clock: Int64
        var slots = SlotTable()
        var byActivity = SlotList()
        var byAge = SlotList()
    }

    /// What is known while records before the committed `next` are folded again. (A class, because it is looked at for
    /// every record and too large to be copied for one.)
    final class Resuming: Sendable {
        let position: Position
        /// The log has lost records from the low-water on.
        let isTruncated: Bool
        let travelling: MutedSessions

        init(position: Position, isTruncated: Bool, travelling: MutedSessions) {
            self.position = position
            self.isTruncated = isTruncated
            self.travelling = travelling
        }
    }

    /// A fold of a log from its first record on.
    public init(start: Int64 = 0, parameters: FoldParameters = .standard) {
        self.parameters = parameters
        self.start = start
        nextOffset = start
        counters = Counters()
        sessionCounters = SessionCounters()
    }

    /// A fold that continues at a committed position. Feed it the log from `nextOffset` on; what lies before
    /// `position.next` rebuilds the state silently.
    ///
    /// - Parameter logStart: the first offset that the log still holds; beyond the low-water the rebuilt sessions are
    ///   flagged truncated.
    public init(
        resuming position: Position, logStart: Int64 = 0, parameters: FoldParameters = .standard
    ) throws(PositionError) {
        guard position.digest == parameters.digest else {
            throw .foreignDigest(committed: position.digest, own: parameters.digest)
        }
        self.parameters = parameters
        start = position.start
        counters = position.counters
        sessionCounters = position.sessions
        nextOffset = max(position.lowWaterOffset, logStart)
        var travelling = MutedSessions()
        for session in position.muted { travelling.append(session) }
        timelines = position.timelines.map { TimelineState(timeline: $0.timeline, clock: $0.clockAtLowWater) }
        let isTruncated = logStart > position.lowWaterOffset
        truncatedBefore = isTruncated ? position.next : position.truncatedBefore
        resuming = Resuming(position: position, isTruncated: isTruncated, travelling: travelling)
        if nextOffset >= position.next {
            nextOffset = position.next
            finishResuming()
        }
    }

    /// Whether records before the committed `next` are still being folded again.
    public var isResuming: Bool { resuming != nil }

    /// The open session in a slot that `fold` returned, with all its steps: copied, which every event need not pay.
    public subscript(slot: Int) -> Session {
        let open = sessions[slot]
        return Session(open, steps: steps(of: open))
    }

    /// The same without its steps.
    package func openSession(_ slot: Int) -> OpenSession { sessions[slot] }

    /// How many steps the session in a slot has.
    package func prefix(of slot: Int) -> Int { sessions[slot].prefix }

    /// The latest step of a session whose last event was one.
    package func lastStep(of slot: Int) -> Step { histories.lastStep(of: sessions[slot].history) }

    /// All steps of the session in a slot.
    package func steps(of slot: Int) -> [Step] { steps(of: sessions[slot]) }

    func steps(of open: OpenSession) -> [Step] { histories.steps(open.prefix, of: open.history) }

    /// The slot of a key's open session.
    public func slot(of key: String, on timeline: Timeline) -> Int? {
        guard let index = timelines.firstIndex(where: { $0.timeline == timeline }) else { return nil }
        var key = key
        return key.withUTF8 { openSlot(of: $0, SlotTable.hash($0), on: index) }.map(Int.init)
    }

    /// How many slots have ever been in use at a time: arrays kept beside the sessions need this many places.
    public var slotCount: Int { sessions.count }

    /// The clock of a timeline that has records.
    public func clock(of timeline: Timeline) -> Int64? {
        timelines.first { $0.timeline == timeline }?.clock
    }

    /// When the live timeline's oldest open session will be silent for too long: a tick at a later time closes it.
    public var liveSilenceBegins: Int64? {
        guard let live = timelines.first(where: { $0.timeline == .live }), live.byActivity.first != SlotLinks.none
        else { return nil }
        return sessions[Int(live.byActivity.first)].lastClock + parameters.idleGap_ms
    }

    /// Folds one record.
    ///
    /// - Parameters:
    ///   - offset: the record's offset, not before `nextOffset`; offsets passed over are Kafka's transaction markers.
    ///   - time: the record's append time, milliseconds since the epoch.
    ///   - entry: what the record says; `nil` where it cannot be decoded.
    ///   - scoring: whether a model is there to score the event: decides the account, nothing else.
    ///   - closed: called for every session that this record closes, before the record itself is folded. The
    ///     session's slot is free from then on.
    public mutating func fold(
        offset: Int64, time: Int64, entry: LogEntry?, scoring: Bool, closed: (ClosedSession) -> Void
    ) -> Outcome {
        switch entry {
        case .event(let event, let timeline):
            let facts = EventFacts(event)
            var outcome = Outcome.control
            event.withSessionKey { key in
                outcome = fold(
                    offset: offset, time: time, .event(facts, key: key, timeline), scoring: scoring, closed: closed)
            }
            return outcome
        case .tick: return fold(offset: offset, time: time, .tick, scoring: scoring, closed: closed)
        case .end(let replay): return fold(offset: offset, time: time, .end(replay), scoring: scoring, closed: closed)
        case nil: return fold(offset: offset, time: time, .unreadable, scoring: scoring, closed: closed)
        }
    }

    /// What the fold reads of a record.
    package enum Input {
        /// The session key stands in memory that need not outlive the call.
        case event(EventFacts, key: UnsafeBufferPointer<UInt8>, Timeline)
        case tick
        case end(String)
        case unreadable
    }

    package mutating func fold(
        offset: Int64, time: Int64, _ input: Input, scoring: Bool, closed: (ClosedSession) -> Void
    ) -> Outcome {
        precondition(offset >= nextOffset, "SessionFold.fold: offset \(offset) again, next is \(nextOffset)")
        if let next = resuming?.position.next {
            if offset < next {
                nextOffset = offset + 1
                foldAgain(offset: offset, time: time, input)
                if nextOffset == next { finishResuming() }
                return .suppressed
            }
            nextOffset = next
            finishResuming()
        }
        counters.markers += offset - nextOffset
        nextOffset = offset + 1
        let outcome = apply(offset: offset, time: time, input, closed: closed)
        count(outcome, scoring: scoring)
        return outcome
    }

    private mutating func count(_ outcome: Outcome, scoring: Bool) {
        switch outcome {
        case .step: if scoring { counters.scored += 1 } else { counters.unscored += 1 }
        case .afterPurchase: counters.afterPurchase += 1
        case .repeated: counters.repeated += 1
        case .muted: counters.muted += 1
        case .control: counters.control += 1
        case .rejected: counters.rejected += 1
        case .suppressed: preconditionFailure("SessionFold.count: suppressed records were counted before")
        }
    }

    private mutating func apply(
        offset: Int64, time: Int64, _ input: Input, closed: (ClosedSession) -> Void
    ) -> Outcome {
        switch input {
        case .unreadable:
            return .rejected(.unreadable)
        case .tick:
            if let live = index(of: .live) { advance(live, to: time, offset: offset, closed: closed) }
            return .control
        case .end(let replay):
            end(.replay(replay), offset: offset, closed: closed)
            return .control
        case .event(let event, let key, let timeline):
            let recordTime = timeline == .live ? time : event.timestamp
            guard let index = index(of: timeline, startingAt: recordTime) else { return .rejected(.tooManyReplays) }
            advance(index, to: recordTime, offset: offset, closed: closed)
            return apply(event, key: key, on: index, offset: offset, closed: closed)
        }
    }
}

/// Why the fold could not use a record.
public enum FoldRejection: String, Error, Sendable {
    case unreadable
    case tooManyReplays = "too_many_replays"
}
