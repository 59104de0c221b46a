import Synchronization

/// Wakes whoever waits for something to be there. A waiter says which ring it has heard, so none is ever missed.
final class Bell: Sendable {
    private struct State {
        var rings: UInt64 = 0
        var nextWaiter = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    var rings: UInt64 { state.withLock { $0.rings } }

    func ring() {
        let waiters = state.withLock { state in
            state.rings += 1
            defer { state.waiters.removeAll() }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns at the first ring after `heard`, at the latest after `timeout` or when the task is cancelled.
    func wait(after heard: UInt64, timeout: Duration) async {
        let number = state.withLock { state in
            defer { state.nextWaiter += 1 }
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            var timer: Task<Void, Never>?
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    guard state.rings == heard, !Task.isCancelled else { return false }
                    state.waiters[number] = continuation
                    return true
                }
                guard waits else { return continuation.resume() }
                // Only now: a timer that ran before its waiter is there would wake nobody.
                timer = Task {
                    try? await Task.sleep(for: timeout)
                    self.wake(number)
                }
            }
            timer?.cancel()
        } onCancel: {
            self.wake(number)
        }
    }

    private func wake(_ number: Int) {
        state.withLock { $0.waiters.removeValue(forKey: number) }?.resume()
    }
}
