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
///    buy. A session open for longer than `longestSession_ms` holds no other back. The newest are chosen among those that
///    nothing holds back, or one long session would leave nothing to choose.
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

    /// Events kept for each session that may be kept, on average: 40 bytes an event.
    private static let eventsPerSession = 20
    private static let longestSession_ms: Int64 = 6 * 3_600_000
    /// So many events, in less time than so many.
    private static let inhuman: (records: Int, duration_ms: Int64) = (50, 10_000)

    private let timelines: Timelines
    private let excludesBots: Bool
    private let limit: Int
    private var kept: NewestSessions

    /// - Parameter limit: sessions kept; of more, those that began last. Fewer where they are long: at most 20 times as
    ///   many events.
    /// - Parameter excludesBots: leaves a machine's sessions out.
    public init(timelines: Timelines = .all, excludesBots: Bool = false, limit: Int) {
        self.timelines = timelines
        self.excludesBots = excludesBots
        self.limit = limit
        kept = NewestSessions(maxSessions: limit, maxEvents: limit * Self.eventsPerSession)
    }

    /// Takes a closed session, of a file that has an end.
    ///
    /// - Parameter posterior: of a simulated shop, the truth after each step.
    public mutating func add(_ closed: ClosedSession, posterior: [Float] = []) {
        guard var session = example(closed) else { return }
        session.posterior = posterior
        kept.add(session)
    }

    /// What a closed session teaches, if anything.
    private func example(_ closed: ClosedSession) -> TrainingSession? {
        guard timelines.contains(closed.session.timeline), !closed.session.truncated, closed.closing != .muted,
            !(excludesBots && Self.isMachine(closed.session))
        else { return nil }
        return TrainingSession(closed.session)
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
            var folding = PartitionFolding(range, parameters: parameters)
            // Of a partition, so that an event of one holds back no session of another.
            var unsettled = UnsettledSessions(maxSessions: limit, maxEvents: limit * Self.eventsPerSession)
            let reader = try await log.reader(partition: partition, from: range.lowerBound)
            while folding.fold.nextOffset < range.upperBound, !Task.isCancelled {
                let records = try await reader.next(limit: 4_000, wait: .zero)
                if records.isEmpty { break }
                for record in records where record.offset < range.upperBound {
                    for closed in folding.fold(record) {
                        guard let session = example(closed) else { continue }
                        if unsettled.wantsToSettle { settle(&unsettled, folding) }
                        unsettled.add(
                            session, timeline: closed.session.timeline, startClock: closed.session.startClock)
                    }
                }
                settle(&unsettled, folding)
                done += Int64(records.count)
                progress(done, total)
            }
        }
    }

    private mutating func settle(_ unsettled: inout UnsettledSessions, _ folding: PartitionFolding) {
        unsettled.settle(before: folding.holdingBack(within: Self.longestSession_ms)) { kept.add($0) }
    }
}

/// One partition on its way through the fold.
private struct PartitionFolding {
    private(set) var fold: SessionFold
    private let idleGap_ms: Int64
    /// Retention has passed the partition's beginning.
    private let hasLostBeginning: Bool
    /// By timeline: a session that begins at this clock or earlier may have begun before the log does.
    private var lostUntil: [Timeline: Int64] = [:]

    init(_ range: Range<Int64>, parameters: FoldParameters) {
        fold = SessionFold(start: range.lowerBound, parameters: parameters)
        idleGap_ms = parameters.idleGap_ms
        hasLostBeginning = range.lowerBound > 0
    }

    /// What a record closes and the log has seen whole.
    mutating func fold(_ record: StoredRecord) -> [ClosedSession] {
        let entry = try? RecordCoder.decode(record.value)
        var closed: [ClosedSession] = []
        _ = fold.fold(offset: record.offset, time: record.time, entry: entry, scoring: false) { closed.append($0) }
        if hasLostBeginning, case .event(_, let timeline) = entry, lostUntil[timeline] == nil,
            let clock = fold.clock(of: timeline)
        {
            lostUntil[timeline] = clock + idleGap_ms
        }
        return closed.filter { $0.session.startClock > lostUntil[$0.session.timeline] ?? .min }
    }

    /// Of a timeline, when the oldest session began that is still open, or may be thought so: at most so long ago.
    func holdingBack(within longest_ms: Int64) -> (Timeline) -> Int64? {
        var clocks: [Timeline: Int64] = [:]
        for timeline in fold.position().timelines where timeline.lowWaterOffset < fold.nextOffset {
            clocks[timeline.timeline] = max(timeline.clockAtLowWater, timeline.clockAtNext - longest_ms)
        }
        return { clocks[$0] }
    }
}
