import DequeModule
import Synchronization

/// The identities of the newest live events, bounded by age and number: what the log can recognise as a duplicate.
/// A class, because a transaction reads it while the writer keeps it: a value would be copied whole at every commit.
final class RecentIdentities: Sendable {
    static let maxAge_ms: Int64 = 24 * 3_600_000
    static let maxCount = 1_000_000

    private struct State {
        var known: Set<UInt64> = []
        var order: Deque<(identity: UInt64, time: Int64)> = []
    }

    private let state = Mutex(State())

    func contains(_ identity: UInt64) -> Bool { state.withLock { $0.known.contains(identity) } }

    func insert(_ identity: UInt64, time: Int64) {
        state.withLock { state in
            guard state.known.insert(identity).inserted else { return }
            state.order.append((identity, time))
            while let oldest = state.order.first,
                state.order.count > Self.maxCount || time - oldest.time > Self.maxAge_ms
            {
                state.order.removeFirst()
                state.known.remove(oldest.identity)
            }
        }
    }
}
