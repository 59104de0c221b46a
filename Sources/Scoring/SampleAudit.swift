public import EventLog
import Events
public import Intent
public import Sessions

/// Scores a sample of the log again: whole sessions in a few windows of it, each folded from where one of its sessions
/// began. Unlike `Audit` it needs neither the log's first record nor the time to read all of it; what it compares it
/// compares as exactly, field for field and scores bit for bit.
public struct SampleAudit: Sendable {
    /// Windows over all partitions, and records read in each at most.
    private static let windows = 20
    private static let maxRecords: Int64 = 200_000

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

    /// - Parameters:
    ///   - count: scores compared, at most.
    ///   - seed: chooses them.
    ///   - progress: scores compared and to compare.
    /// - Throws: `EventLogError` where log or outputs cannot be read, `PositionError` where a position cannot be.
    public func run(
        count: Int, seed: UInt64, progress: @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) async throws -> Audit.Report {
        var report = Audit.Report()
        var random = RandomSource(seed: seed)
        let windows = min(Self.windows, max(1, count / 100))
        let partitions = events.partitionCount
        for window in 0..<windows {
            let partition = windows < partitions ? Int(random.next() % UInt64(partitions)) : window % partitions
            let share = (count - report.scores) / (windows - window)
            guard share > 0,
                var sample = try await SampledWindow(
                    partition, events, outputs, parameters, model, at: random.next())
            else { continue }
            try await sample.compare(share, maxRecords: Self.maxRecords, &report)
            progress(Int64(report.scores), Int64(count))
        }
        report.models.sort()
        return report
    }
}

/// One window of one partition.
private struct SampledWindow {
    let partition: Int
    private let end: Int64
    private let start: Int64
    private var fold: SessionFold
    private let reader: any EventReader
    private var recorded: RecordedOutputs<ScoreRecord>
    private let model: @Sendable (Int) throws -> IntentModel
    private var scorer: SessionScorer?
    private var modelNumber: Int?

    /// Begins with the session of the score at a place among the partition's scores; `nil` where there are none.
    init?(
        _ partition: Int, _ events: any EventLog, _ outputs: any OutputLog, _ parameters: FoldParameters,
        _ model: @escaping @Sendable (Int) throws -> IntentModel, at place: UInt64
    ) async throws {
        let bounds = try await outputs.bounds(.scores, partition: partition)
        guard !bounds.isEmpty, let text = try await outputs.position(partition: partition) else { return nil }
        end = try Position(decoding: text).next
        let chosen = bounds.lowerBound + Int64(place % UInt64(bounds.upperBound - bounds.lowerBound))
        let first = try await outputs.reader(.scores, partition: partition, from: chosen).next(limit: 1, wait: .zero)
        guard let value = first.first?.value, let score = try? ScoreRecord(decoding: value),
            let session = SessionIdentity(score.session)
        else { return nil }
        start = max(session.firstOffset, try await events.bounds(partition: partition).lowerBound)
        self.partition = partition
        self.model = model
        fold = SessionFold(start: start, parameters: parameters)
        reader = try await events.reader(partition: partition, from: start)
        recorded = try await RecordedOutputs(
            outputs, .scores, partition: partition,
            from: try await OutputSearch.first(.scores, ScoreRecord.self, in: outputs, partition, atOrAfter: start))
    }

    mutating func compare(_ count: Int, maxRecords: Int64, _ report: inout Audit.Report) async throws {
        let last = report.scores + count
        let end = min(end, start + maxRecords)
        while report.scores < last, fold.nextOffset < end {
            let limit = Int(min(2_000, end - fold.nextOffset))
            let records = try await reader.next(limit: limit, wait: AuditedPartition.readWait)
            if records.isEmpty { return }
            for record in records where record.offset < end && report.scores < last {
                try await compare(record, &report)
            }
        }
    }

    private mutating func compare(_ record: StoredRecord, _ report: inout Audit.Report) async throws {
        let entry = try? RecordCoder.decode(record.value)
        var closed: [ClosedSession] = []
        let outcome = fold.fold(offset: record.offset, time: record.time, entry: entry, scoring: false) {
            closed.append($0)
        }
        for session in closed { scorer?.free(slot: session.slot) }
        guard case .step(let slot) = outcome, case .event(let event, _) = entry else { return }
        var score = try await recorded.peek(report: &report)
        while let earlier = score, earlier.offset < record.offset {
            recorded.pop()
            score = try await recorded.peek(report: &report)
        }
        guard let score, score.offset == record.offset else {
            report.unscored += 1
            return
        }
        recorded.pop()
        // Of a session that began before the window only the rest is known here.
        if let session = SessionIdentity(score.session), session.firstOffset < start { return }
        guard select(score.model, record.offset, &report),
            let again = scorer?.score(slot: slot, of: fold)
        else { return }
        report.scores += 1
        let own = ScoreRecord(
            event, partition: partition, offset: record.offset, session: fold.openSession(slot), score: again,
            model: score.model)
        guard own != score else { return }
        report.largestDifference = max(report.largestDifference, abs(Double(own.score) - Double(score.score)))
        report.add(
            partition, record.offset,
            "score recorded \(String(decoding: score.encoded(), as: UTF8.self)), recomputed "
                + String(decoding: own.encoded(), as: UTF8.self))
    }

    private mutating func select(_ number: Int, _ offset: Int64, _ report: inout Audit.Report) -> Bool {
        if number == modelNumber { return scorer != nil }
        modelNumber = number
        do {
            let next = try model(number)
            if scorer == nil { scorer = SessionScorer(model: next) } else { scorer?.swap(to: next) }
        } catch {
            scorer = nil
            report.add(partition, offset, "nothing by model \(number) can be compared: \(error)")
            return false
        }
        if !report.models.contains(number) { report.models.append(number) }
        return true
    }
}
