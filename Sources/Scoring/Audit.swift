public import EventLog
public import Intent
public import Sessions

/// Scores the log again, from log, model files and output records alone, and compares every field of every record, the
/// scores bit for bit, and the committed positions.
///
/// May run beside the process that scores: it judges what was committed when it looked first. Memory is bounded by the
/// open sessions and one model.
///
/// Where retention has removed the beginning, what is left is audited: of sessions that began in what is gone nothing can
/// be compared, nor the accounts of the committed position, which count from the first record on.
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
        /// Offsets that retention has removed, of all partitions.
        public var removed: Int64 = 0
        /// Events and outcomes of sessions that began in what is removed: counted, not compared.
        public var truncated = 0
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
    /// - Throws: `EventLogError` where log or outputs cannot be read, `PositionError` where a committed position cannot be
    ///   read or was made by other session rules.
    public func run(progress: @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }) async throws -> Report {
        var report = Report()
        // Before the ends of the outputs: they then hold everything that the positions stand for.
        var positions: [Position?] = []
        var total: Int64 = 0
        for partition in 0..<events.partitionCount {
            let position = try await outputs.position(partition: partition).map { try Position(decoding: $0) }
            positions.append(position)
            guard let position else { continue }
            guard position.digest == parameters.digest else {
                throw PositionError.foreignDigest(committed: position.digest, own: parameters.digest)
            }
            let start = try await events.bounds(partition: partition).lowerBound
            total += max(0, position.next - max(position.start, start))
        }
        var done: Int64 = 0
        for (partition, position) in positions.enumerated() {
            if let position {
                let before = done
                done += try await audit(partition, position, &report) { progress(before + $0, total) }
            } else if try await holdsOutputs(partition), try await outputs.position(partition: partition) == nil {
                report.add(partition, 0, "there are scores or outcomes, but no position was ever committed")
            }
        }
        report.models.sort()
        return report
    }

    /// Audits a partition, as often as retention gets into its way; gives how many records.
    private func audit(
        _ partition: Int, _ position: Position, _ report: inout Report, progress: (Int64) -> Void
    ) async throws -> Int64 {
        for attempt in 1... {
            var audited = try await AuditedPartition(
                partition: partition, position: position, parameters: parameters, events: events, outputs: outputs,
                model: model)
            var result = report
            result.removed += audited.logStart - position.start
            var failure: (any Error)?
            do { try await audited.audit(events, outputs, report: &result, progress: progress) } catch {
                failure = error
            }
            if failure != nil || result.problems > report.problems, attempt < Self.maxAttempts,
                try await events.bounds(partition: partition).lowerBound > audited.logStart
            {
                continue
            }
            if let failure { throw failure }
            report = result
            return audited.records
        }
        preconditionFailure("Audit.audit: the last attempt decides")
    }

    /// Retention looks once a minute, and what it removes lies where an audit begins.
    private static let maxAttempts = 5

    private func holdsOutputs(_ partition: Int) async throws(EventLogError) -> Bool {
        for stream in OutputStream.allCases {
            if try await !outputs.bounds(stream, partition: partition).isEmpty { return true }
        }
        return false
    }
}
