import EventLog
import Synchronization

/// Wakes whoever waits for something to be there. A waiter says which ring it has heard, so none is ever missed.
package final class Bell: Sendable {
    private struct Waiter {
        var continuation: CheckedContinuation<Void, Never>
        var deadline: ContinuousClock.Instant
    }

    private struct State {
        var rings: UInt64 = 0
        var nextWaiter = 0
        var waiters: [Int: Waiter] = [:]
        /// When the timer looks next who has waited for long enough; `nil`: there is none.
        var timer: ContinuousClock.Instant?
    }

    private let state = Mutex(State())

    package init() {}

    package var rings: UInt64 { state.withLock { $0.rings } }

    /// How many wait now.
    package var waiting: Int { state.withLock { $0.waiters.count } }

    package func ring() {
        let waiters = state.withLock { state in
            state.rings += 1
            defer { state.waiters.removeAll(keepingCapacity: true) }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.continuation.resume() }
    }

    /// Returns at the first ring after `heard`, at the latest after `timeout` or when the task is cancelled.
    package func wait(after heard: UInt64, timeout: Duration) async {
        let deadline = ContinuousClock.now + timeout
        let number = state.withLock { state in
            defer { state.nextWaiter += 1 }
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (waits, wantsTimer) = state.withLock { state in
                    guard state.rings == heard, !Task.isCancelled else { return (false, false) }
                    state.waiters[number] = Waiter(continuation: continuation, deadline: deadline)
                    if let timer = state.timer, timer <= deadline { return (true, false) }
                    state.timer = deadline
                    return (true, true)
                }
                if !waits { continuation.resume() }
                if wantsTimer { wakeWhoIsDue(at: deadline) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.continuation.resume()
        }
    }

    /// One timer for all: a bell rings a thousand times as often as somebody has waited for long enough.
    private func wakeWhoIsDue(at first: ContinuousClock.Instant) {
        Task {
            var next: ContinuousClock.Instant? = first
            while let instant = next {
                try? await Task.sleep(until: instant, clock: .continuous)
                let due: [Waiter]
                (due, next) = state.withLock { state in
                    // Another looks earlier, and goes on from there.
                    guard state.timer == instant else { return ([], nil) }
                    let now = ContinuousClock.now
                    let due = state.waiters.filter { $0.value.deadline <= now }
                    for number in due.keys { state.waiters[number] = nil }
                    state.timer = state.waiters.values.map(\.deadline).min()
                    return (Array(due.values), state.timer)
                }
                for waiter in due { waiter.continuation.resume() }
            }
        }
    }
}

/// One for each output stream: whoever waits for outcomes is not woken by scores.
struct OutputBells: Sendable {
    private let scores = Bell()
    private let outcomes = Bell()

    subscript(_ stream: OutputStream) -> Bell {
        switch stream {
        case .scores: scores
        case .outcomes: outcomes
        }
    }
}
