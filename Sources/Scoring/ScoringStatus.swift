public import Sessions
import Synchronization

/// What scoring last committed and where it stands, for `/status`, `/metrics` and readiness. Written by the scoring
/// task, read by anyone.
public final class ScoringStatus: Sendable {
    public struct Partition: Sendable, Equatable {
        public var position: Position
        public var openSessions: Int
        /// The log is being folded again up to the committed position: nothing is scored yet.
        public var resuming: Bool
    }

    public struct Snapshot: Sendable, Equatable {
        /// By partition number; those this process scores.
        public var partitions: [Int: Partition] = [:]
        public var model: Int?
        /// Whether every assigned partition has caught up with its committed position at least once.
        public var ready = false
    }

    private let state = Mutex(Snapshot())

    public init() {}

    public var snapshot: Snapshot { state.withLock { $0 } }

    func take(model: Int) { state.withLock { $0.model = model } }
    func take(_ partition: Partition?, at number: Int) { state.withLock { $0.partitions[number] = partition } }
    func becomeReady() { state.withLock { $0.ready = true } }
}
