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
/// outputs again and the fold never runs twice over state that it has changed.
public struct PartitionScorer: Sendable {
    public let partition: Int
    public private(set) var fold: SessionFold
    public private(set) var modelNumber: Int?
    private var scorer: SessionScorer?
    /// The `next` of the committed position.
    private var committedNext: Int64?
    private var scores: [OutputRecord] = []
    private var outcomes: [OutputRecord] = []

    /// - Throws: `PositionError` where the committed position cannot be continued.
    public init(assigned: AssignedPartition, model: NumberedModel?, parameters: FoldParameters = .standard)
        throws(PositionError)
    {
        partition = assigned.partition
        if let text = assigned.position {
            let position = try Position(decoding: text)
            fold = try SessionFold(
                resuming: position, logStart: assigned.bounds.lowerBound, parameters: parameters)
            committedNext = position.next
        } else {
            fold = SessionFold(start: assigned.bounds.lowerBound, parameters: parameters)
        }
        scorer = model.map { SessionScorer(model: $0.model) }
        modelNumber = model?.number
    }

    /// Takes the next model; every open session is encoded again at its next event.
    public mutating func swap(to model: NumberedModel) {
        if scorer == nil { scorer = SessionScorer(model: model.model) } else { scorer?.swap(to: model.model) }
        modelNumber = model.number
    }

    /// Folds and scores records in the order of the log.
    public mutating func process(_ records: [StoredRecord]) {
        for record in records { process(record) }
    }

    private mutating func process(_ record: StoredRecord) {
        let entry = try? RecordCoder.decode(record.value)
        // Used after the fold, which is busy while it reports.
        var closed: [ClosedSession] = []
        let outcome = fold.fold(
            offset: record.offset, time: record.time, entry: entry, scoring: scorer != nil
        ) { closed.append($0) }
        for session in closed {
            scorer?.free(slot: session.slot)
            outcomes.append(
                OutputRecord(
                    key: session.session.key, value: OutcomeRecord(session, partition: partition).encoded()))
        }
        guard case .step(let slot) = outcome, case .event(let event, let timeline) = entry,
            let modelNumber, let score = scorer?.score(slot: slot, steps: fold[slot].steps)
        else { return }
        let session = fold[slot]
        scores.append(
            OutputRecord(
                key: session.key,
                value: ScoreRecord(
                    session: SessionIdentity.text(partition: partition, firstOffset: session.firstOffset),
                    key: session.key, timeline: timeline.name, partition: partition, offset: record.offset,
                    timestamp: event.timestamp, type: event.kind.name, sku: event.sku,
                    page: event.url.map { String(Page.of(url: $0)) }, prefix: session.steps.count,
                    cart: session.cart, score: score.value, change: score.change, model: modelNumber
                ).encoded()))
    }

    /// What is to be committed, or `nil` where nothing new was folded. Unchanged by a second call.
    public func uncommitted() -> ScoredBatch? {
        guard !fold.isResuming, fold.nextOffset != committedNext else { return nil }
        let position = fold.position()
        precondition(
            position.next - position.start == position.counters.total,
            "PartitionScorer.uncommitted: partition \(partition) counts \(position.counters.total) records between "
                + "\(position.start) and \(position.next)")
        return ScoredBatch(
            partition: partition, follows: committedNext, next: position.next,
            lowWaterOffset: position.lowWaterOffset, position: position.encoded(), scores: scores,
            outcomes: outcomes)
    }

    /// The batch that `uncommitted` gave is durable.
    public mutating func committed() {
        committedNext = fold.nextOffset
        scores.removeAll(keepingCapacity: true)
        outcomes.removeAll(keepingCapacity: true)
    }
}
