import EventLog
import Sessions

/// A partition that this process scores, with what only its run needs to know.
struct HeldPartition {
    var scorer: PartitionScorer
    /// What is folded again: from the low-water to the committed `next`.
    private let foldAgain: Range<Int64>
    /// When it last brought records: one that is still being read is behind, not silent.
    var lastRecords: ContinuousClock.Instant
    /// Milliseconds since the epoch: every record that is not folded yet came then or later.
    private(set) var unfoldedSince: Int64?
    /// The last tick: how many control records were folded before it, and when it was appended.
    var tick: (folded: Int64, sent: ContinuousClock.Instant)?

    init(_ scorer: PartitionScorer, at now: ContinuousClock.Instant) {
        self.scorer = scorer
        lastRecords = now
        foldAgain = scorer.fold.nextOffset..<max(scorer.fold.nextOffset, scorer.position.next)
    }

    mutating func process(_ records: [StoredRecord], at now: ContinuousClock.Instant) {
        scorer.process(records)
        lastRecords = now
        if let last = records.last { unfoldedSince = max(unfoldedSince ?? .min, last.time) }
    }

    mutating func caughtUp(at time: Int64) { unfoldedSince = max(unfoldedSince ?? .min, time) }

    /// One tick at a time: the next is due when the last has been folded and, by a log whose clock is behind, has closed
    /// nothing.
    func allowsTick(interval: Duration, at now: ContinuousClock.Instant) -> Bool {
        guard now - lastRecords >= interval else { return false }
        guard let tick else { return true }
        return scorer.fold.counters.control > tick.folded && now - tick.sent >= interval
    }

    var status: ScoringStatus.Partition {
        ScoringStatus.Partition(
            position: scorer.position, openSessions: scorer.fold.openSessions,
            foldAgain: ScoringStatus.FoldAgain(
                from: foldAgain.lowerBound, at: min(scorer.fold.nextOffset, foldAgain.upperBound),
                to: foldAgain.upperBound),
            unfoldedSince: unfoldedSince)
    }
}
