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
    public private(set) var counters: Counters
    public private(set) var sessionCounters: SessionCounters
    public private(set) var nextOffset: Int64
    public private(set) var openSessions = 0
    let start: Int64

    private(set) var sessions: ContiguousArray<Session> = []
    private var freeSlots: [Int32] = []
    var timelines: [TimelineState] = []
    /// By last activity: the first is the next to close.
    private var activity = SlotLinks()
    /// By first offset: the first holds the low-water.
    private var age = SlotLinks()
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

    /// What is known while records before the committed `next` are folded again.
    struct Resuming: Sendable {
        var position: Position
        /// The log has lost records from the low-water on.
        var isTruncated: Bool
        var travelling: MutedSessions
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

    /// The open session in a slot that `fold` returned.
    public subscript(slot: Int) -> Session {
        _read { yield sessions[slot] }
    }

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
        precondition(offset >= nextOffset, "SessionFold.fold: offset \(offset) again, next is \(nextOffset)")
        if let next = resuming?.position.next {
            if offset < next {
                nextOffset = offset + 1
                foldAgain(offset: offset, time: time, entry: entry)
                if nextOffset == next { finishResuming() }
                return .suppressed
            }
            nextOffset = next
            finishResuming()
        }
        counters.markers += offset - nextOffset
        nextOffset = offset + 1
        let outcome = apply(offset: offset, time: time, entry: entry, closed: closed)
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
        offset: Int64, time: Int64, entry: LogEntry?, closed: (ClosedSession) -> Void
    ) -> Outcome {
        switch entry {
        case nil:
            return .rejected(.unreadable)
        case .tick:
            if let live = timelines.firstIndex(where: { $0.timeline == .live }) {
                advance(live, to: time, offset: offset, closed: closed)
            }
            return .control
        case .end(let replay):
            end(.replay(replay), offset: offset, closed: closed)
            return .control
        case .event(let event, let timeline):
            let recordTime = timeline == .live ? time : event.timestamp
            guard let index = index(of: timeline, startingAt: recordTime) else { return .rejected(.tooManyReplays) }
            advance(index, to: recordTime, offset: offset, closed: closed)
            return apply(event, on: index, offset: offset, closed: closed)
        }
    }

    /// Folds an event of a timeline whose clock has been advanced to it.
    mutating func apply(
        _ event: Event, on index: Int, offset: Int64, closed: (ClosedSession) -> Void
    ) -> Outcome {
        let clock = timelines[index].clock
        let key = event.withSessionKey { bytes in
            let hash = SlotTable.hash(bytes)
            return (
                hash: hash, slot: openSlot(of: bytes, hash, on: index),
                isMuted: !muted.isEmpty
                    && muted.touch(StableHash.of(bytes: bytes), on: timelines[index].timeline, clock: clock)
            )
        }
        if key.isMuted { return .muted }

        let slot: Int32
        if let open = key.slot {
            if sessions[Int(open)].records >= parameters.maxRecords
                || clock - sessions[Int(open)].startClock > parameters.maxDuration_ms
            {
                mute(open, on: index, clock: clock, offset: offset, closed: closed)
                return .muted
            }
            slot = open
            activity.remove(slot, from: &timelines[index].byActivity)
        } else {
            slot = self.open(event, keyHash: key.hash, on: index, offset: offset)
        }
        activity.append(slot, to: &timelines[index].byActivity)
        let outOfOrder = sessions[Int(slot)].outOfOrder
        let effect = sessions[Int(slot)].apply(event, offset: offset, clock: clock)
        if resuming == nil { sessionCounters.outOfOrder += Int64(sessions[Int(slot)].outOfOrder - outOfOrder) }
        return switch effect {
        case .step: .step(slot: Int(slot))
        case .afterPurchase: .afterPurchase(slot: Int(slot))
        case .repeated: .repeated(slot: Int(slot))
        }
    }
}

/// Why the fold could not use a record.
public enum FoldRejection: String, Error, Sendable {
    case unreadable
    case tooManyReplays = "too_many_replays"
}

/// A session at the moment it is no longer open.
public struct ClosedSession: Sendable {
    /// Free from now on.
    public var slot: Int
    public var session: Session
    public var closing: Closing
    /// The offset of the record that closed it.
    public var closedAt: Int64
}

// Timelines: their clocks and ends.
extension SessionFold {
    private mutating func index(of timeline: Timeline, startingAt time: Int64) -> Int? {
        if let index = timelines.firstIndex(where: { $0.timeline == timeline }) { return index }
        let replays = timelines.count { $0.timeline != .live }
        if timeline != .live, replays >= parameters.maxReplays { return nil }
        timelines.append(TimelineState(timeline: timeline, clock: time))
        return timelines.count - 1
    }

    mutating func advance(
        _ index: Int, to time: Int64, offset: Int64, closed: (ClosedSession) -> Void
    ) {
        guard time > timelines[index].clock else { return }
        timelines[index].clock = time
        while case let first = timelines[index].byActivity.first, first != SlotLinks.none,
            time - sessions[Int(first)].lastClock > parameters.idleGap_ms
        {
            close(first, on: index, closing: .silence, offset: offset, closed: closed)
        }
        muted.sweep(timelines[index].timeline, clock: time, gap_ms: parameters.idleGap_ms)
    }

    private mutating func end(_ timeline: Timeline, offset: Int64, closed: (ClosedSession) -> Void) {
        guard let index = timelines.firstIndex(where: { $0.timeline == timeline }) else { return }
        while case let first = timelines[index].byActivity.first, first != SlotLinks.none {
            close(first, on: index, closing: .end, offset: offset, closed: closed)
        }
        muted.removeAll { $0.timeline == timeline }
        timelines.remove(at: index)
    }
}

// Sessions: opening, closing, muting.
extension SessionFold {
    private func openSlot(of key: UnsafeBufferPointer<UInt8>, _ hash: UInt32, on index: Int) -> Int32? {
        timelines[index].slots.slot(hash) { slot in
            // Keys are native strings, whose bytes stand in one piece.
            sessions[Int(slot)].key.utf8.withContiguousStorageIfAvailable { Self.areEqual($0, key) }
                ?? sessions[Int(slot)].key.utf8.elementsEqual(key)
        }
    }

    /// A loop over words costs a fraction of `elementsEqual`.
    private static func areEqual(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        let left = UnsafeRawBufferPointer(left)
        let right = UnsafeRawBufferPointer(right)
        var index = 0
        while index + 8 <= left.count {
            let word = left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            guard word == right.loadUnaligned(fromByteOffset: index, as: UInt64.self) else { return false }
            index += 8
        }
        while index < left.count, left[index] == right[index] { index += 1 }
        return index == left.count
    }

    private mutating func open(_ event: Event, keyHash: UInt32, on index: Int, offset: Int64) -> Int32 {
        let slot: Int32
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = Int32(sessions.count)
            activity.grow()
            age.grow()
        }
        let session = Session(
            key: event.sessionKey, timeline: timelines[index].timeline, firstOffset: offset,
            clock: timelines[index].clock,
            timestamp: event.timestamp, truncated: offset < truncatedBefore)
        if Int(slot) == sessions.count { sessions.append(session) } else { sessions[Int(slot)] = session }
        timelines[index].slots.insert(slot, keyHash)
        age.append(slot, to: &timelines[index].byAge)
        openSessions += 1
        if resuming == nil { sessionCounters.opened += 1 }
        return slot
    }

    private mutating func close(
        _ slot: Int32, on index: Int, closing: Closing, offset: Int64, closed: (ClosedSession) -> Void
    ) {
        activity.remove(slot, from: &timelines[index].byActivity)
        age.remove(slot, from: &timelines[index].byAge)
        var session = sessions[Int(slot)].moved()
        timelines[index].slots.remove(slot, session.key.withUTF8 { SlotTable.hash($0) })
        freeSlots.append(slot)
        openSessions -= 1
        guard resuming == nil else { return }
        if closing == .muted { sessionCounters.muted += 1 } else { sessionCounters.closed += 1 }
        if session.purchased { sessionCounters.purchased += 1 }
        if session.adds > 0 { sessionCounters.withAdd += 1 }
        if session.truncated { sessionCounters.truncated += 1 }
        if session.isBot { sessionCounters.bots += 1 }
        closed(ClosedSession(slot: Int(slot), session: session, closing: closing, closedAt: offset))
    }

    private mutating func mute(
        _ slot: Int32, on index: Int, clock: Int64, offset: Int64, closed: (ClosedSession) -> Void
    ) {
        let session = sessions[Int(slot)]
        close(slot, on: index, closing: .muted, offset: offset, closed: closed)
        muted.append(
            MutedSession(
                timeline: session.timeline, keyHash: StableHash.of(session.key), firstOffset: session.firstOffset,
                startClock: session.startClock, lastClock: clock))
    }
}
