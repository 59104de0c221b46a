package import EventLog
import Sessions

/// State of partitions that went elsewhere, kept for a moment: a rebalance takes everything from everybody and gives
/// most of it back, and a partition that comes back as it was need not be folded again.
///
/// Bounded by time and by open sessions: what is over goes, the oldest first.
package struct Shelf: Sendable {
    private let maxSessions: Int
    private let lifetime: Duration
    /// In the order in which they came.
    private var kept: [(scorer: PartitionScorer, since: ContinuousClock.Instant)] = []

    package init(maxSessions: Int, lifetime: Duration) {
        self.maxSessions = maxSessions
        self.lifetime = lifetime
    }

    package var partitions: [Int] { kept.map(\.scorer.partition) }

    /// State with anything uncommitted is that of no position, and is not kept.
    package mutating func keep(_ scorer: PartitionScorer, at now: ContinuousClock.Instant) {
        kept.removeAll { $0.scorer.partition == scorer.partition }
        guard !scorer.hasUncommitted else { return }
        kept.append((scorer, now))
        var sessions = kept.reduce(0) { $0 + $1.scorer.fold.openSessions }
        while sessions > maxSessions { sessions -= kept.removeFirst().scorer.fold.openSessions }
    }

    /// The state with which an assigned partition goes on; `nil` where it has to be folded again. Gone from here either
    /// way.
    package mutating func take(_ assigned: AssignedPartition, at now: ContinuousClock.Instant) -> PartitionScorer? {
        sweep(at: now)
        guard let index = kept.firstIndex(where: { $0.scorer.partition == assigned.partition }) else { return nil }
        let scorer = kept.remove(at: index).scorer
        return scorer.continues(assigned) ? scorer : nil
    }

    package mutating func sweep(at now: ContinuousClock.Instant) {
        kept.removeAll { now - $0.since >= lifetime }
    }
}
