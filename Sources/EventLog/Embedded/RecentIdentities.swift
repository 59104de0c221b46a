import DequeModule
import Synchronization

/// The identities of the newest live events, bounded by number and age: what the log can recognise as a duplicate.
/// A class, because a transaction reads it while the writer keeps it: a value would be copied whole at every commit.
package final class RecentIdentities: Sendable {
    private struct State {
        var known: Set<UInt64> = []
        var order: Deque<(identity: UInt64, time: Int64)> = []
        /// How many times more a known one stands in `order`: forgotten once and stored again.
        var again: [UInt64: Int] = [:]

        mutating func forgetOldest() {
            let identity = order.removeFirst().identity
            guard let more = again[identity] else {
                known.remove(identity)
                return
            }
            again[identity] = more > 1 ? more - 1 : nil
        }
    }

    private let limit: Int
    private let age_ms: Int64
    private let state = Mutex(State())

    package init(_ limits: EmbeddedLimits) {
        limit = limits.identities
        age_ms = limits.identityAge.components.seconds * 1_000
    }

    package func contains(_ identity: UInt64) -> Bool { state.withLock { $0.known.contains(identity) } }

    /// Remembers identities, given in the order of their times, and forgets the oldest. One that was stored anew is
    /// remembered as long as its newest copy.
    package func insert(_ identities: some Sequence<(identity: UInt64, time: Int64)>) {
        state.withLock { state in
            for (identity, time) in identities {
                if !state.known.insert(identity).inserted { state.again[identity, default: 0] += 1 }
                state.order.append((identity, time))
                while let oldest = state.order.first, state.order.count > limit || time - oldest.time > age_ms {
                    state.forgetOldest()
                }
            }
        }
    }
}
