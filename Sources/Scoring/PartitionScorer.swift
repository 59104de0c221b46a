public import EventLog
import Events
public import Intent
public import Sessions

/// A champion with its number in the registry.
public struct NumberedModel: Sendable {
    public var number: Int
    public var model: IntentModel

    public init(number: Int, model: IntentModel) {
        self.number = number
        self.model = model
    }
}

/// One partition from records to outputs: decode, fold, step, calibrate. Pure: the service around it does the IO.
///
/// What `process` made is kept until `committed` says that it is durable, so that a failed commit sends the same
/// outputs again and the fold never runs twice over state that it has changed. Between `uncommitted`, which hands a
/// batch out, and `committed` more may be processed: it belongs to the batch after that one.
public struct PartitionScorer: Sendable {
    public let partition: Int
    public private(set) var fold: SessionFold
    public private(set) var modelNumber: Int?
    /// The committed position; before the first commit the one that the log begins with.
    public private(set) var position: Position
    private var scorer: SessionScorer?
    /// Whether `position` was ever committed.
    private var hasCommitted: Bool
    /// What was made of records since the last batch was handed out.
    private var made = Made()
    /// The batch that was handed out and is not known to be durable.
    private var pending: (position: Position, batch: ScoredBatch, unusable: [RejectedRecord])?

    private struct Made {
        var scores: [OutputRecord] = []
        var outcomes: [OutputRecord] = []
        var unusable: [RejectedRecord] = []
    }

    /// - Throws: `PositionError` where the committed position cannot be continued.
    public init(assigned: AssignedPartition, model: NumberedModel?, parameters: FoldParameters = .standard)
        throws(PositionError)
    {
        partition = assigned.partition
        hasCommitted = assigned.position != nil
        if let text = assigned.position {
            position = try Position(decoding: text)
            fold = try SessionFold(
                resuming: position, logStart: assigned.bounds.lowerBound, parameters: parameters)
        } else {
            position = Position(start: assigned.bounds.lowerBound, parameters: parameters)
            fold = SessionFold(start: assigned.bounds.lowerBound, parameters: parameters)
        }
        // An outcome says how many steps there were, not which.
        fold.reportsSteps = false
        scorer = model.map { SessionScorer(model: $0.model) }
        modelNumber = model?.number
    }

    /// Whether something was folded that no commit has made durable.
    public var hasUncommitted: Bool { !fold.isResuming && fold.nextOffset != position.next }

    /// Whether this state is that of the committed position with which a partition is assigned: then it may go on, and
    /// nothing need be folded again.
    public func continues(_ assigned: AssignedPartition) -> Bool {
        assigned.partition == partition && hasCommitted && !hasUncommitted && assigned.position == position.encoded()
    }

    /// Takes the next model; every open session is encoded again at its next event.
    public mutating func swap(to model: NumberedModel) {
        if scorer == nil { scorer = SessionScorer(model: model.model) } else { scorer?.swap(to: model.model) }
        modelNumber = model.number
    }

    /// Folds and scores records in the order of the log.
    public mutating func process(_ records: [StoredRecord]) {
        if !fold.isResuming, made.scores.isEmpty { made.scores.reserveCapacity(records.count) }
        var json = JSONWriter(reserving: 512)
        for record in records { process(record, &json) }
    }

    private mutating func process(_ record: StoredRecord, _ json: inout JSONWriter) {
        let entry: LogEntry?
        var reason = "more replays than can be open at a time"
        do throws(EventError) { entry = try RecordCoder.decode(record.value) } catch {
            entry = nil
            reason = "\(error)"
        }
        // Used after the fold, which is busy while it reports.
        var closed: [ClosedSession] = []
        let outcome = fold.fold(
            offset: record.offset, time: record.time, entry: entry, scoring: modelNumber != nil
        ) { closed.append($0) }
        for session in closed {
            scorer?.free(slot: session.slot)
            made.outcomes.append(
                OutputRecord(
                    key: session.session.key,
                    value: OutcomeRecord(session, partition: partition).encoded(with: &json)))
        }
        switch outcome {
        case .rejected:
            let location = Location(partition: partition, offset: record.offset)
            made.unusable.append(
                RejectedRecord(time: record.time, location: location, reason: reason, bytes: record.value))
        case .step(let slot):
            guard case .event(let event, _) = entry else { return }
            score(event, slot: slot, offset: record.offset, &json)
        case .afterPurchase, .repeated, .muted, .control, .suppressed:
            break
        }
    }

    private mutating func score(_ event: Event, slot: Int, offset: Int64, _ json: inout JSONWriter) {
        guard let modelNumber, let score = scorer?.score(slot: slot, of: fold) else { return }
        let session = fold.openSession(slot)
        let value = ScoreRecord.encode(
            event, partition: partition, offset: offset, session: session, score: score, model: modelNumber,
            with: &json)
        made.scores.append(OutputRecord(key: session.key, value: value))
    }

    /// Records that the fold could not use, of the batch that `uncommitted` gave: to be kept in `rejected` before its
    /// commit.
    public var unusable: [RejectedRecord] { pending?.unusable ?? [] }

    /// What is to be committed, or `nil` where nothing new was folded. The same until it is `committed`, whatever is
    /// processed meanwhile.
    public mutating func uncommitted() -> ScoredBatch? {
        if let pending { return pending.batch }
        guard hasUncommitted else { return nil }
        let next = fold.position()
        precondition(
            next.next - next.start == next.counters.total,
            "PartitionScorer.uncommitted: partition \(partition) counts \(next.counters.total) records between "
                + "\(next.start) and \(next.next)")
        let batch = ScoredBatch(
            partition: partition, follows: hasCommitted ? position.next : nil, next: next.next,
            lowWaterOffset: next.lowWaterOffset, position: next.encoded(), scores: made.scores, outcomes: made.outcomes)
        pending = (next, batch, made.unusable)
        made = Made()
        return batch
    }

    /// The batch that `uncommitted` gave is durable.
    public mutating func committed() {
        guard let pending else {
            preconditionFailure("PartitionScorer.committed: partition \(partition) has nothing to commit")
        }
        position = pending.position
        hasCommitted = true
        self.pending = nil
    }
}
