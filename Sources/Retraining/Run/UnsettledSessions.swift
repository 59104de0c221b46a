import Events
import Intent
import Sessions

/// Closed sessions of one partition that began after one that is still open, until that one has closed, too.
///
/// Holds so many at most; what comes on top is left out, and no other session for it.
struct UnsettledSessions {
    private struct Held {
        var session: TrainingSession
        /// The timeline's clock when it began.
        var startClock: Int64
    }

    private let maxSessions: Int
    private let maxEvents: Int
    private var held: [Timeline: [Held]] = [:]
    private var sessions = 0
    private var events = 0
    /// Sessions that came since some were last given away.
    private var offered = 0

    init(maxSessions: Int, maxEvents: Int) {
        self.maxSessions = maxSessions
        self.maxEvents = maxEvents
    }

    /// There is no room, and giving away may make some: asked for now and then, not for every session.
    var wantsToSettle: Bool { (sessions >= maxSessions || events >= maxEvents) && offered >= sessions / 4 }

    mutating func add(_ session: TrainingSession, timeline: Timeline, startClock: Int64) {
        offered += 1
        guard sessions < maxSessions, events < maxEvents else { return }
        held[timeline, default: []].append(Held(session: session, startClock: startClock))
        sessions += 1
        events += session.steps.count
    }

    /// Gives those away that hold no longer.
    ///
    /// - Parameter clock: of a timeline, when the session began that holds others back; `nil`: none does.
    mutating func settle(before clock: (Timeline) -> Int64?, take: (TrainingSession) -> Void) {
        offered = 0
        for timeline in held.keys.sorted(by: { $0.name < $1.name }) {
            let clock = clock(timeline) ?? .max
            held[timeline]?.removeAll { one in
                guard one.startClock < clock else { return false }
                take(one.session)
                sessions -= 1
                events -= one.session.steps.count
                return true
            }
        }
    }
}
