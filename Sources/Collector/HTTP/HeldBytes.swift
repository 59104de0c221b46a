import Synchronization

/// The memory that all requests under way hold together in bodies and records, bounded: a request that would go beyond
/// is refused and gives back what it held.
final class HeldBytes: Sendable {
    private let limit: Int
    private let held = Atomic(0)

    init(limit: Int) { self.limit = limit }

    /// One request's share.
    final class Share: Sendable {
        private let whole: HeldBytes
        private let taken = Atomic(0)

        fileprivate init(_ whole: HeldBytes) { self.whole = whole }

        func take(_ bytes: Int) throws(CollectorError) {
            guard whole.held.add(bytes, ordering: .relaxed).newValue <= whole.limit else {
                whole.held.subtract(bytes, ordering: .relaxed)
                throw .unavailable("more is coming in than there is memory for", retryAfter_s: 1)
            }
            taken.add(bytes, ordering: .relaxed)
        }

        /// Once, when the request is answered. Not left to `deinit`, which may come before the last use of the bytes.
        func giveBack() {
            whole.held.subtract(taken.exchange(0, ordering: .relaxed), ordering: .relaxed)
        }
    }

    func share() -> Share { Share(self) }
}
