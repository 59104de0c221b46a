import Synchronization

/// Requests that are judged at a time, bounded: one that comes on top is asked to come back before any work is done for
/// it, so that those who are let in never wait behind more than so many.
final class Turns: Sendable {
    private let limit: Int
    private let taken = Atomic(0)

    init(limit: Int) { self.limit = limit }

    func take() throws(CollectorError) {
        guard taken.add(1, ordering: .relaxed).newValue <= limit else {
            taken.subtract(1, ordering: .relaxed)
            throw .unavailable("more requests are coming in than can be judged", retryAfter_s: 1)
        }
    }

    func giveBack() { taken.subtract(1, ordering: .relaxed) }
}
