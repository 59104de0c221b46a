import DequeModule
import Synchronization

/// The identities of the newest live events, bounded by number and age: what the log can recognise as a duplicate.
/// A class, because a transaction reads it while the writer keeps it: a value would be copied whole at every commit.
package final class RecentIdentities: Sendable {
    private struct State {
        var known: Set<UInt64> = []
        var order: Deque<(identity: UInt64, time: Int64)> = []
    }

    private let limit: Int
    private let age_ms: Int64
    private let state = Mutex(State())

    package init(_ limits: EmbeddedLimits) {
        limit = limits.identities
        age_ms = limits.identityAge.components.seconds * 1_000
    }

    package func contains(_ identity: UInt64) -> Bool { state.withLock { $0.known.contains(identity) } }

    /// Remembers identities, given in the order of their times, and forgets the oldest.
    package func insert(_ identities: some Sequence<(identity: UInt64, time: Int64)>) {
        state.withLock { state in
            for (identity, time) in identities {
                guard state.known.insert(identity).inserted else { continue }
                state.order.append((identity, time))
                while let oldest = state.order.first, state.order.count > limit || time - oldest.time > age_ms {
                    state.order.removeFirst()
                    state.known.remove(oldest.identity)
                }
            }
        }
    }
}
