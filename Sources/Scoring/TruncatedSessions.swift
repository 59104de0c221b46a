import Events
import Sessions

/// Sessions of one partition that began in what retention has removed, as an audit meets the rest of them.
///
/// Folded from what is left such a session begins with a later event, under another identity, with another prefix,
/// perhaps without its purchase; or not at all, where only its closing is left. It ends as it did: silence and a
/// replay's end depend on its last event alone. So until it has ended, a session of its key in the second fold is what
/// is left of it; of one that was muted, until that falls silent, for nothing else is recorded until then. From then on
/// everything can be compared again.
///
/// Of a session that was muted before the log begins nothing at all is recorded. What is left of it begins within the
/// idle gap from the log's beginning, and has neither scores nor an outcome.
///
/// This presumes that a timeline's clock, at the cut, was not ahead of the records that are left. The live one never
/// is; that of a replay is where its rows are out of order by as much, and a gap within that much of the idle gap may
/// then close a session elsewhere in the second fold.
struct TruncatedSessions {
    private struct Name: Hashable {
        var key: String
        var timeline: String
    }

    /// Sessions that begin before it are truncated.
    private let start: Int64
    private let idleGap_ms: Int64
    /// Of every timeline the clock at its first record that is left.
    private var clocks: [Timeline: Int64] = [:]
    /// First offsets of sessions that began within the idle gap from there and have a score.
    private var scored: Set<Int64> = []
    private var open: Set<Name> = []

    /// Of a log that holds its first record there are none.
    init() { (start, idleGap_ms) = (.min, 0) }

    /// - Parameter outcomes: those recorded from `start` on; all are read. A session that is open still has none, but
    ///   scores (`note`).
    init(before start: Int64, idleGap_ms: Int64, _ outcomes: RecordedOutputs<OutcomeRecord>) async throws {
        self.start = start
        self.idleGap_ms = idleGap_ms
        var outcomes = outcomes
        // What is unreadable is found when it is compared.
        var report = Audit.Report()
        while let outcome = try await outcomes.peek(report: &report) {
            outcomes.pop()
            if contains(outcome.session) { note(key: outcome.key, timeline: outcome.timeline) }
        }
    }

    /// Whether a recorded identity is one of them.
    func contains(_ session: String) -> Bool {
        start > .min && SessionIdentity(session).map { $0.firstOffset < start } ?? false
    }

    mutating func note(key: String, timeline: String) { open.insert(Name(key: key, timeline: timeline)) }

    func isOpen(key: String, timeline: String) -> Bool {
        !open.isEmpty && open.contains(Name(key: key, timeline: timeline))
    }

    /// One of them has ended as recorded.
    mutating func end(_ outcome: OutcomeRecord) {
        guard outcome.closing != Closing.muted.rawValue else { return }
        open.remove(Name(key: outcome.key, timeline: outcome.timeline))
    }

    /// A session of the second fold ends. Returns whether it was what is left of one of them.
    mutating func end(_ session: Session) -> Bool {
        !open.isEmpty && open.remove(Name(key: session.key, timeline: session.timeline.name)) != nil
    }

    // MARK: Muted before the log begins

    /// An event of a timeline has been folded.
    mutating func fold(_ timeline: Timeline, clock: Int64?) {
        if start > .min, clocks[timeline] == nil { clocks[timeline] = clock }
    }

    /// A session of the second fold has a score.
    mutating func score(_ session: OpenSession, on timeline: Timeline) {
        if start > .min, isEarly(session.startClock, on: timeline) { scored.insert(session.firstOffset) }
    }

    /// Whether a session of the second fold that has no outcome may be what is left of a muted one.
    func mayBeMuted(_ session: Session) -> Bool {
        isEarly(session.startClock, on: session.timeline) && !scored.contains(session.firstOffset)
    }

    private func isEarly(_ clock: Int64, on timeline: Timeline) -> Bool {
        clocks[timeline].map { clock - $0 <= idleGap_ms } ?? false
    }
}
