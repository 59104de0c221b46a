import Intent

/// Sessions under a limit: of more, those that began last. Holds at most a quarter more than the limits say.
struct NewestSessions: Sendable {
    private struct Entry: Sendable {
        var session: TrainingSession
        /// Decides among sessions that began at the same time.
        var arrival: Int
    }

    private let maxSessions: Int
    private let maxEvents: Int
    private var entries: [Entry] = []
    private var events = 0
    private var arrivals = 0

    init(maxSessions: Int, maxEvents: Int) {
        precondition(maxSessions > 0 && maxEvents > 0, "NewestSessions.init: room for no session")
        self.maxSessions = maxSessions
        self.maxEvents = maxEvents
    }

    mutating func add(_ session: TrainingSession) {
        entries.append(Entry(session: session, arrival: arrivals))
        arrivals += 1
        events += session.steps.count
        // Sorting now and then, not for every session.
        if entries.count > maxSessions + maxSessions / 4 || events > maxEvents + maxEvents / 4 { trim() }
    }

    /// The sessions, the earliest first.
    mutating func sessions() -> [TrainingSession] {
        trim()
        return entries.map(\.session)
    }

    private mutating func trim() {
        entries.sort { ($0.session.start, $0.arrival) < ($1.session.start, $1.arrival) }
        var excess = 0
        while entries.count - excess > maxSessions || events > maxEvents && entries.count - excess > 1 {
            events -= entries[excess].session.steps.count
            excess += 1
        }
        entries.removeFirst(excess)
    }
}
