public import EventLog
public import Intent
public import Sessions

/// Scores the log again, from log, model files and output records alone, and compares every field of every record, the
/// scores bit for bit, and the committed positions.
///
/// May run beside the process that scores: it judges what was committed when it looked first. Memory is bounded by the
/// open sessions and one model.
public struct Audit: Sendable {
    public struct Finding: Sendable, Equatable, Codable {
        public var partition: Int
        /// The event's offset on the events log, or that of the record which closed the session.
        public var offset: Int64
        public var problem: String
    }

    public struct Report: Sendable, Equatable, Codable {
        /// Score records compared with a score of the same prefix by the same model.
        public var scores = 0
        public var outcomes = 0
        /// The largest absolute difference between a recorded and a recomputed score or change: 0 or something is wrong.
        public var largestDifference: Double = 0
        /// Events that no model scored.
        public var unscored = 0
        /// Numbers of the models that scored, in rising order.
        public var models: [Int] = []
        public var problems = 0
        /// The first hundred.
        public var findings: [Finding] = []

        public var passed: Bool { problems == 0 && largestDifference == 0 }

        static let maxFindings = 100

        mutating func add(_ partition: Int, _ offset: Int64, _ problem: String) {
            problems += 1
            if findings.count < Self.maxFindings {
                findings.append(Finding(partition: partition, offset: offset, problem: problem))
            }
        }
    }

    private let events: any EventLog
    private let outputs: any OutputLog
    private let parameters: FoldParameters
    private let model: @Sendable (Int) throws -> IntentModel

    /// - Parameter model: the model of a number; where it throws, the records by that model are findings.
    public init(
        events: any EventLog, outputs: any OutputLog, parameters: FoldParameters = .standard,
        model: @escaping @Sendable (Int) throws -> IntentModel
    ) {
        self.events = events
        self.outputs = outputs
        self.parameters = parameters
        self.model = model
    }

    /// - Parameter progress: records audited and records to audit.
    /// - Throws: `EventLogError` where log or outputs cannot be read or no longer hold what was scored first,
    ///   `PositionError` where a committed position cannot be read or was made by other session rules.
    public func run(progress: @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }) async throws -> Report {
        var report = Report()
        var audited: [AuditedPartition] = []
        for partition in 0..<events.partitionCount {
            // The position before the ends of the outputs: they then hold everything that it stands for.
            let position = try await outputs.position(partition: partition).map { try Position(decoding: $0) }
            let scores = try await RecordedOutputs<ScoreRecord>(outputs, .scores, partition: partition)
            let outcomes = try await RecordedOutputs<OutcomeRecord>(outputs, .outcomes, partition: partition)
            if let position {
                try await check(position, partition)
                audited.append(
                    AuditedPartition(
                        partition: partition, position: position, parameters: parameters, scores: scores,
                        outcomes: outcomes, model: model))
            } else if scores.end > scores.start || outcomes.end > outcomes.start,
                try await outputs.position(partition: partition) == nil
            {
                report.add(partition, 0, "there are scores or outcomes, but no position was ever committed")
            }
        }
        let total = audited.reduce(0) { $0 + $1.position.next - $1.position.start }
        var done: Int64 = 0
        for var partition in audited {
            let before = done
            done += partition.position.next - partition.position.start
            try await partition.audit(events, outputs, report: &report) { progress(before + $0, total) }
        }
        report.models.sort()
        return report
    }

    private func check(_ position: Position, _ partition: Int) async throws {
        guard position.digest == parameters.digest else {
            throw PositionError.foreignDigest(committed: position.digest, own: parameters.digest)
        }
        let bounds = try await events.bounds(partition: partition)
        guard bounds.lowerBound <= position.start else {
            throw EventLogError.unusable(
                "partition \(partition) begins at offset \(bounds.lowerBound), after the first scored one "
                    + "(\(position.start)): what retention has removed cannot be audited")
        }
    }
}
