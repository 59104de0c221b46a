public import EventLog
import Events
import FoundationEssentials
public import Intent
public import Sessions

/// Scores the log again, from log, model files and score records alone, and compares every bit.
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
        public var models: [Int] = []
        public var problems = 0
        /// The first hundred.
        public var findings: [Finding] = []

        public var passed: Bool { problems == 0 && largestDifference == 0 }
    }

    private let events: any EventLog
    private let outputs: any OutputLog
    private let parameters: FoldParameters
    private let model: @Sendable (Int) throws -> IntentModel

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
    public func run(progress: @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }) async throws -> Report {
        var report = Report()
        var positions: [Position?] = []
        var total: Int64 = 0
        for partition in 0..<events.partitionCount {
            let position = try await outputs.position(partition: partition).map { try Position(decoding: $0) }
            if let position { total += position.next - position.start }
            positions.append(position)
        }
        var done: Int64 = 0
        for (partition, position) in positions.enumerated() {
            guard let position else { continue }
            try await audit(partition, upTo: position, report: &report)
            done += position.next - position.start
            progress(done, total)
        }
        report.models.sort()
        return report
    }

    private func audit(
        _ partition: Int, upTo position: Position, report: inout Report
    ) async throws {
        var scores = try await Recorded<ScoreRecord>(outputs, .scores, partition: partition)
        var outcomes = try await Recorded<OutcomeRecord>(outputs, .outcomes, partition: partition)
        guard position.digest == parameters.digest else {
            throw PositionError.foreignDigest(committed: position.digest, own: parameters.digest)
        }
        let bounds = try await events.bounds(partition: partition)
        guard bounds.lowerBound <= position.start else {
            throw EventLogError.unusable(
                "partition \(partition) begins at offset \(bounds.lowerBound), after the first scored one "
                    + "(\(position.start)): what retention has removed cannot be audited")
        }
        var again = Again(partition: partition, fold: SessionFold(start: position.start, parameters: parameters))
        let reader = try await events.reader(partition: partition, from: position.start)
        while again.fold.nextOffset < position.next {
            let limit = Int(min(4_000, position.next - again.fold.nextOffset))
            let records = try await reader.next(limit: limit, wait: .zero)
            if records.isEmpty { break }
            for record in records where record.offset < position.next {
                let step = again.fold(record)
                for closed in again.closed {
                    let recorded = try await outcomes.next()
                    report.outcomes += 1
                    if recorded != closed {
                        report.add(
                            Finding(
                                partition: partition, offset: record.offset,
                                problem:
                                    "outcome of \(closed.key) differs from the recorded one: \(String(describing: recorded))"
                            ))
                    }
                }
                guard let slot = step else { continue }
                guard let recorded = try await scores.next(at: record.offset, report: &report) else {
                    report.unscored += 1
                    continue
                }
                try again.select(recorded.model, model: model, report: &report)
                again.compare(recorded, slot: slot, report: &report)
            }
        }
        if again.fold.nextOffset < position.next {
            report.add(
                Finding(
                    partition: partition, offset: again.fold.nextOffset,
                    problem: "the log ends before the committed position \(position.next)"))
        }
        while let extra = try await scores.next() {
            report.add(Finding(partition: partition, offset: extra.offset, problem: "a score that no event explains"))
        }
        while let extra = try await outcomes.next() {
            report.add(
                Finding(partition: partition, offset: extra.offset, problem: "an outcome that no record explains"))
        }
        var counters = again.fold.counters
        counters.scored = again.scored
        counters.unscored -= again.scored
        if counters != position.counters {
            report.add(
                Finding(
                    partition: partition, offset: position.next,
                    problem: "the committed counters \(position.counters) are not the log's \(counters)"))
        }
    }
}

extension Audit.Report {
    mutating func add(_ finding: Audit.Finding) {
        problems += 1
        if findings.count < 100 { findings.append(finding) }
    }
}

/// One partition scored once more.
private struct Again {
    let partition: Int
    var fold: SessionFold
    var scorer: SessionScorer?
    var modelNumber: Int?
    var scored: Int64 = 0
    /// What the last record closed.
    var closed: [OutcomeRecord] = []
    var models: [Int: IntentModel] = [:]

    /// Folds one record and returns the slot of a step that may have been scored.
    mutating func fold(_ record: StoredRecord) -> Int? {
        closed.removeAll(keepingCapacity: true)
        var freed: [Int] = []
        let partition = partition
        var outcomes: [OutcomeRecord] = []
        let entry = try? RecordCoder.decode(record.value)
        let outcome = fold.fold(offset: record.offset, time: record.time, entry: entry, scoring: false) {
            outcomes.append(OutcomeRecord($0, partition: partition))
            freed.append($0.slot)
        }
        closed = outcomes
        for slot in freed { scorer?.free(slot: slot) }
        guard case .step(let slot) = outcome else { return nil }
        return slot
    }

    mutating func select(
        _ number: Int, model: (Int) throws -> IntentModel, report: inout Audit.Report
    ) throws {
        guard number != modelNumber else { return }
        let next = try models[number] ?? model(number)
        models[number] = next
        if scorer == nil { scorer = SessionScorer(model: next) } else { scorer?.swap(to: next) }
        modelNumber = number
        if !report.models.contains(number) { report.models.append(number) }
    }

    mutating func compare(_ recorded: ScoreRecord, slot: Int, report: inout Audit.Report) {
        guard let score = scorer?.score(slot: slot, steps: fold[slot].steps) else { return }
        scored += 1
        report.scores += 1
        let difference = max(
            abs(Double(score.value) - Double(recorded.score)),
            abs(Double(score.change ?? 0) - Double(recorded.change ?? 0)))
        report.largestDifference = max(report.largestDifference, difference)
        let session = fold[slot]
        let identity = SessionIdentity.text(partition: partition, firstOffset: session.firstOffset)
        // Not `!=`: NaN must be a finding.
        if !(difference == 0) || recorded.session != identity || recorded.key != session.key
            || recorded.prefix != session.steps.count || (score.change == nil) != (recorded.change == nil)
        {
            report.add(
                Audit.Finding(
                    partition: partition, offset: recorded.offset,
                    problem: "recorded \(recorded.score) (change \(String(describing: recorded.change))) for "
                        + "\(recorded.session), prefix \(recorded.prefix); recomputed \(score.value) (change "
                        + "\(String(describing: score.change))) for \(identity), prefix \(session.steps.count)"))
        }
    }
}

/// The records of an output stream, one by one.
private struct Recorded<Record: Decodable & Sendable> {
    private let reader: any EventReader
    private var buffer: ArraySlice<StoredRecord> = []
    private var head: Record?
    private let decoder = JSONDecoder()

    init(_ outputs: any OutputLog, _ stream: OutputStream, partition: Int) async throws {
        let bounds = try await outputs.bounds(stream, partition: partition)
        reader = try await outputs.reader(stream, partition: partition, from: bounds.lowerBound)
    }

    mutating func peek() async throws -> Record? {
        if let head { return head }
        if buffer.isEmpty { buffer = try await reader.next(limit: 2_000, wait: .zero)[...] }
        head = try buffer.popFirst().map { try decoder.decode(Record.self, from: Data($0.value)) }
        return head
    }

    mutating func next() async throws -> Record? {
        let record = try await peek()
        head = nil
        return record
    }
}

extension Recorded<ScoreRecord> {
    /// The score of the event at an offset, or `nil` where it was not scored. Records before it have no event.
    mutating func next(at offset: Int64, report: inout Audit.Report) async throws -> ScoreRecord? {
        while let record = try await peek(), record.offset <= offset {
            head = nil
            if record.offset == offset { return record }
            report.add(
                Audit.Finding(
                    partition: record.partition, offset: record.offset, problem: "a second score, or one of no event"))
        }
        return nil
    }
}
