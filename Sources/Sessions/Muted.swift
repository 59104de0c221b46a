public import Events

/// A session past the limits: its records are counted, nothing else, until it falls silent.
public struct MutedSession: Sendable, Equatable {
    public var timeline: Timeline
    /// `StableHash` of the session key.
    public var keyHash: UInt64
    public var firstOffset: Int64
    public var startClock: Int64
    public var lastClock: Int64
}

/// The muted sessions in the order of their muting, with a lower bound on their oldest activity so that a clock that
/// moves costs nothing while none can be silent.
struct MutedSessions: Sendable {
    private(set) var list: [MutedSession] = []
    private var index: [Identity: Int] = [:]
    private var oldestActivity: [Timeline: Int64] = [:]

    private struct Identity: Hashable {
        var timeline: Timeline
        var keyHash: UInt64
    }

    var isEmpty: Bool { list.isEmpty }

    mutating func append(_ session: MutedSession) {
        let identity = Identity(timeline: session.timeline, keyHash: session.keyHash)
        precondition(index[identity] == nil, "MutedSessions.append: the session is muted already")
        index[identity] = list.count
        list.append(session)
        oldestActivity[session.timeline] = min(oldestActivity[session.timeline] ?? .max, session.lastClock)
    }

    func contains(_ keyHash: UInt64, on timeline: Timeline) -> Bool {
        index[Identity(timeline: timeline, keyHash: keyHash)] != nil
    }

    /// Marks activity. Returns false where no such session is muted.
    mutating func touch(_ keyHash: UInt64, on timeline: Timeline, clock: Int64) -> Bool {
        guard let position = index[Identity(timeline: timeline, keyHash: keyHash)] else { return false }
        list[position].lastClock = clock
        return true
    }

    /// Forgets those that have been silent for more than `gap_ms`.
    mutating func sweep(_ timeline: Timeline, clock: Int64, gap_ms: Int64) {
        guard let oldest = oldestActivity[timeline], clock - oldest > gap_ms else { return }
        removeAll { $0.timeline == timeline && clock - $0.lastClock > gap_ms }
    }

    mutating func removeAll(where shouldRemove: (MutedSession) -> Bool) {
        list.removeAll(where: shouldRemove)
        index.removeAll(keepingCapacity: true)
        oldestActivity.removeAll(keepingCapacity: true)
        for (position, session) in list.enumerated() {
            index[Identity(timeline: session.timeline, keyHash: session.keyHash)] = position
            oldestActivity[session.timeline] = min(oldestActivity[session.timeline] ?? .max, session.lastClock)
        }
    }
}
