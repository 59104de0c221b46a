import DequeModule
import Synchronization

/// One client's bounded share of the feed. A slow reader loses its oldest messages, is told how many, and slows nobody.
final class Subscription: Sendable {
    struct Taken {
        /// Older messages that were lost since the last call.
        var dropped = 0
        var messages: Deque<FeedMessage> = []
        /// The feed up to here was offered: what is not among the messages was lost or not wanted.
        var seen: FeedPosition
    }

    /// Where the feed stood when the subscription began.
    let begin: FeedPosition
    private let filter: FeedFilter
    private let limit: Int
    private let state: Mutex<Taken>
    /// Yields when there is something to take; one pending signal is enough.
    let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(filter: FeedFilter, limit: Int, begin: FeedPosition) {
        precondition(limit > 0, "Subscription.init: a subscription needs room for a message")
        self.filter = filter
        self.limit = limit
        self.begin = begin
        state = Mutex(Taken(seen: begin))
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// - Returns: messages that the client loses by it.
    func offer(_ batch: FeedBatch) -> Int {
        let (taken, dropped) = state.withLock { state in
            state.seen[batch.stream, batch.partition] = batch.next
            var taken = false
            var dropped = 0
            for message in batch.messages where filter.admits(message) {
                if state.messages.count == limit {
                    state.messages.removeFirst()
                    dropped += 1
                }
                state.messages.append(message)
                taken = true
            }
            state.dropped += dropped
            return (taken, dropped)
        }
        if taken { signal.yield() }
        return dropped
    }

    /// What has gathered since the last call.
    func take() -> Taken {
        state.withLock { state in
            defer { state = Taken(seen: state.seen) }
            return state
        }
    }

    /// Wakes the reader although nothing came, so that it can show a sign of life.
    func nudge() { signal.yield() }

    func end() { signal.finish() }
}
