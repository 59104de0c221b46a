public import EventLog
public import Events
public import Intent
public import Sessions

/// The newest closed sessions of chosen timelines, in bounded memory.
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

    private let timelines: Timelines
    private let limit: Int
    private var kept: [TrainingSession] = []

    /// - Parameter limit: sessions kept; of more, those that began last.
    public init(timelines: Timelines = .all, limit: Int) {
        precondition(limit > 0, "TrainingSet.init: room for no session")
        self.timelines = timelines
        self.limit = limit
    }

    /// Takes a closed session. Open ones are no examples: their end is not known. A truncated one lacks its beginning,
    /// one that begins with its purchase has no prefix: neither is kept.
    public mutating func add(_ closed: ClosedSession) {
        guard timelines.contains(closed.session.timeline), !closed.session.truncated,
            let session = TrainingSession(closed.session)
        else { return }
        kept.append(session)
        if kept.count >= 2 * limit { trim() }
    }

    /// The sessions, by their beginning.
    public mutating func sessions() -> [TrainingSession] {
        trim()
        return kept
    }

    private mutating func trim() {
        kept.sort { $0.start < $1.start }
        if kept.count > limit { kept.removeFirst(kept.count - limit) }
    }

    /// Folds a log from its start to its present end.
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
        for (partition, range) in bounds.enumerated() {
            var fold = SessionFold(start: range.lowerBound, parameters: parameters)
            let reader = try await log.reader(partition: partition, from: range.lowerBound)
            while fold.nextOffset < range.upperBound {
                let records = try await reader.next(limit: 4_000, wait: .zero)
                if records.isEmpty { break }
                for record in records where record.offset < range.upperBound {
                    _ = fold.fold(
                        offset: record.offset, time: record.time, entry: try? RecordCoder.decode(record.value),
                        scoring: false
                    ) { add($0) }
                }
                done += Int64(records.count)
                progress(done, total)
            }
        }
    }
}
