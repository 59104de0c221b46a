public import Sessions
import Synchronization

/// What scoring last committed and where it stands, for `/status`, `/metrics` and readiness. Written by the scoring
/// task, read by anyone.
public final class ScoringStatus: Sendable {
    public struct Partition: Sendable, Equatable {
        public var position: Position
        public var openSessions: Int
        /// What was or is folded again since the partition was assigned.
        public var foldAgain: FoldAgain
        /// Milliseconds since the epoch: no record that is not folded yet is older. `nil` before the first record.
        public var unfoldedSince: Int64?

        public init(position: Position, openSessions: Int, foldAgain: FoldAgain, unfoldedSince: Int64? = nil) {
            self.position = position
            self.openSessions = openSessions
            self.foldAgain = foldAgain
            self.unfoldedSince = unfoldedSince
        }

        /// The log is being folded again up to the committed position: nothing is scored yet.
        public var resuming: Bool { foldAgain.at < foldAgain.to }
    }

    /// The silent fold from the low-water to the committed position, as offsets: `at` is the next to be folded, and
    /// equals `to` when it is done.
    public struct FoldAgain: Sendable, Equatable, Codable {
        public var from: Int64
        public var at: Int64
        public var to: Int64

        public init(from: Int64, at: Int64, to: Int64) {
            self.from = from
            self.at = at
            self.to = to
        }
    }

    public struct Snapshot: Sendable, Equatable {
        /// By partition number; those this process scores.
        public var partitions: [Int: Partition] = [:]
        public var model: Int?
        /// Whether every assigned partition has caught up with its committed position at least once.
        public var ready = false
        /// Assignments since the start, empty ones included: one a rebalance.
        public var rebalances = 0

        public init() {}
    }

    private let state = Mutex(Snapshot())

    public init() {}

    public var snapshot: Snapshot { state.withLock { $0 } }

    func take(model: Int) { state.withLock { $0.model = model } }
    func take(_ partition: Partition?, at number: Int) { state.withLock { $0.partitions[number] = partition } }
    func becomeReady() { state.withLock { $0.ready = true } }
    func countRebalance() { state.withLock { $0.rebalances += 1 } }

    /// Nothing older than `time` is left to be folded of a partition.
    func caughtUp(_ number: Int, at time: Int64) { state.withLock { $0.partitions[number]?.unfoldedSince = time } }
}
