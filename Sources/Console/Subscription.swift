import DequeModule
import Synchronization

/// One client's bounded share of the feed. A slow reader loses its oldest messages, is told how many, and slows nobody.
final class Subscription: Sendable {
    private struct State {
        var messages: Deque<FeedMessage> = []
        var dropped = 0
    }

    let filter: FeedFilter
    private let limit: Int
    private let state = Mutex(State())
    /// Yields when there is something to take; one pending signal is enough.
    let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(filter: FeedFilter, limit: Int) {
        precondition(limit > 0, "Subscription.init: a subscription needs room for a message")
        self.filter = filter
        self.limit = limit
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func offer(_ messages: some Sequence<FeedMessage>) {
        let changed = state.withLock { state in
            let before = state.messages.count + state.dropped
            for message in messages where filter.admits(message) {
                if state.messages.count == limit {
                    state.messages.removeFirst()
                    state.dropped += 1
                }
                state.messages.append(message)
            }
            return state.messages.count + state.dropped != before
        }
        if changed { signal.yield() }
    }

    /// What has gathered since the last call, and how many older messages were lost.
    func take() -> (dropped: Int, messages: Deque<FeedMessage>) {
        state.withLock { state in
            defer { state = State() }
            return (state.dropped, state.messages)
        }
    }

    /// Wakes the reader although nothing came, so that it can show a sign of life.
    func nudge() { signal.yield() }

    func end() { signal.finish() }
}
