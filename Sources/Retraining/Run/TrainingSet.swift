public import EventLog
public import Events
public import Intent
public import Sessions

/// The newest closed sessions of chosen timelines, in bounded memory.
///
/// Left out is what would teach something wrong:
/// 1. open sessions: they may still buy;
/// 2. muted ones: what they did afterwards is only counted;
/// 3. those whose beginning the log has lost, or may have;
/// 4. on request, a machine's: flagged ones, and those that no person could have clicked;
/// 5. those that began after one that is still open: of these only the short ones have closed, and short sessions seldom
///    buy. A session open for longer than `longestSession_ms` holds no other back.
///
/// Those that begin with their purchase have nothing to teach.
public struct TrainingSet: Sendable {
    /// Which timelines count.
    public enum Timelines: Sendable, Equatable {
        case all
        case one(Timeline)

        /// `all`, `live`, or a replay's name.
        public init(name: String) {
            self = name == "all" ? .all : .one(Timeline(name: name))
        }

        func contains(_ timeline: Timeline) -> Bool {
            switch self {
            case .all: true
            case .one(let one): one == timeline
            }
        }
    }

    /// Events kept for each session that may be kept, on average: 32 bytes an event.
    private static let eventsPerSession = 20
    private static let longestSession_ms: Int64 = 6 * 3_600_000
    /// So many events, in less time than so many.
    private static let inhuman: (records: Int, duration_ms: Int64) = (50, 10_000)

    private let timelines: Timelines
    private let excludesBots: Bool
    private var kept: NewestSessions
    private var origins: NewestSessions.Origin = 0

    /// - Parameter limit: sessions kept; of more, those that began last. Fewer where they are long: at most 20 times as
    ///   many events.
    /// - Parameter excludesBots: leaves a machine's sessions out.
    public init(timelines: Timelines = .all, excludesBots: Bool = false, limit: Int) {
        self.timelines = timelines
        self.excludesBots = excludesBots
        kept = NewestSessions(maxSessions: limit, maxEvents: limit * Self.eventsPerSession)
    }

    /// Takes a closed session, of a file that has an end.
    ///
    /// - Parameter posterior: of a simulated shop, the truth after each step.
    public mutating func add(_ closed: ClosedSession, posterior: [Float] = []) {
        add(closed, origin: 0, posterior: posterior)
    }

    private mutating func add(_ closed: ClosedSession, origin: NewestSessions.Origin, posterior: [Float] = []) {
        guard timelines.contains(closed.session.timeline), !closed.session.truncated, closed.closing != .muted,
            !(excludesBots && Self.isMachine(closed.session)), var session = TrainingSession(closed.session)
        else { return }
        session.posterior = posterior
        kept.add(session, origin: origin, startClock: closed.session.startClock)
    }

    private static func isMachine(_ session: Session) -> Bool {
        session.isBot
            || session.records >= inhuman.records
                && session.lastTimestamp - session.startTimestamp < inhuman.duration_ms
    }

    /// The sessions, by their beginning.
    public mutating func sessions() -> [TrainingSession] { kept.sessions() }

    /// Folds a log from its start to its present end. Cancellation ends it early.
    ///
    /// - Parameter progress: records read, and records to read.
    public mutating func read(
        _ log: some EventLog, parameters: FoldParameters = .standard,
        progress: (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) async throws(EventLogError) {
        var bounds: [Range<Int64>] = []
        for partition in 0..<log.partitionCount { bounds.append(try await log.bounds(partition: partition)) }
        let total = bounds.reduce(Int64(0)) { $0 + $1.upperBound - $1.lowerBound }
        var done: Int64 = 0
        for (partition, known) in bounds.enumerated() {
            // Retention may have gone on while the partitions before this one were read.
            let start = max(known.lowerBound, try await log.bounds(partition: partition).lowerBound)
            let range = min(start, known.upperBound)..<known.upperBound
            var folding = PartitionFolding(range, parameters: parameters, firstOrigin: origins + 1)
            let reader = try await log.reader(partition: partition, from: range.lowerBound)
            while folding.fold.nextOffset < range.upperBound, !Task.isCancelled {
                let records = try await reader.next(limit: 4_000, wait: .zero)
                if records.isEmpty { break }
                for record in records where record.offset < range.upperBound {
                    for closed in folding.fold(record) { add(closed.session, origin: closed.origin) }
                }
                done += Int64(records.count)
                progress(done, total)
            }
            for timeline in folding.fold.position().timelines where timeline.lowWaterOffset < folding.fold.nextOffset {
                let settled = max(timeline.clockAtLowWater, timeline.clockAtNext - Self.longestSession_ms)
                kept.remove(folding.origin(timeline.timeline), fromClock: settled)
            }
            origins = folding.lastOrigin
        }
    }
}

/// One partition on its way through the fold.
private struct PartitionFolding {
    private(set) var fold: SessionFold
    private(set) var lastOrigin: NewestSessions.Origin
    private var origins: [Timeline: NewestSessions.Origin] = [:]
    private let idleGap_ms: Int64
    /// Retention has passed the partition's beginning.
    private let hasLostBeginning: Bool
    /// By timeline: a session that begins at this clock or earlier may have begun before the log does.
    private var lostUntil: [Timeline: Int64] = [:]

    init(_ range: Range<Int64>, parameters: FoldParameters, firstOrigin: NewestSessions.Origin) {
        fold = SessionFold(start: range.lowerBound, parameters: parameters)
        lastOrigin = firstOrigin - 1
        idleGap_ms = parameters.idleGap_ms
        hasLostBeginning = range.lowerBound > 0
    }

    /// What a record closes and the log has seen whole.
    mutating func fold(_ record: StoredRecord) -> [(session: ClosedSession, origin: NewestSessions.Origin)] {
        let entry = try? RecordCoder.decode(record.value)
        var closed: [ClosedSession] = []
        _ = fold.fold(offset: record.offset, time: record.time, entry: entry, scoring: false) { closed.append($0) }
        if hasLostBeginning, case .event(_, let timeline) = entry, lostUntil[timeline] == nil,
            let clock = fold.clock(of: timeline)
        {
            lostUntil[timeline] = clock + idleGap_ms
        }
        return closed.compactMap { closed in
            let timeline = closed.session.timeline
            guard closed.session.startClock > lostUntil[timeline] ?? .min else { return nil }
            return (closed, origin(timeline))
        }
    }

    mutating func origin(_ timeline: Timeline) -> NewestSessions.Origin {
        if let origin = origins[timeline] { return origin }
        lastOrigin += 1
        origins[timeline] = lastOrigin
        return lastOrigin
    }
}
