import Retraining
import Synchronization

/// A clock that stands still until it is moved, and says until when somebody sleeps.
final class ManualClock: RetrainClock {
    private struct State {
        var now: Int64
        var next = 0
        var sleepers: [Int: (until: Int64, continuation: CheckedContinuation<Void, any Error>)] = [:]
    }

    private let state: Mutex<State>
    private let begun = AsyncStream<Int64>.makeStream()

    init(now: Int64) { state = Mutex(State(now: now)) }

    func now() -> Int64 { state.withLock { $0.now } }

    /// Until when each sleeper means to sleep, in order.
    var sleeps: AsyncStream<Int64> { begun.stream }

    func move(to moment: Int64) {
        let woken = state.withLock { state in
            state.now = moment
            let due = state.sleepers.filter { $0.value.until <= moment }
            for key in due.keys { state.sleepers[key] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    func sleep(until moment: Int64) async throws {
        let key = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let sleeps = state.withLock { state in
                    if Task.isCancelled { return false }
                    guard moment > state.now else { return false }
                    state.sleepers[key] = (moment, continuation)
                    return true
                }
                if sleeps {
                    begun.continuation.yield(moment)
                } else if Task.isCancelled {
                    continuation.resume(throwing: CancellationError())
                } else {
                    continuation.resume()
                }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: key) }?.continuation.resume(throwing: CancellationError())
        }
    }
}

/// A launcher that says when it is started and ends when and how the test says.
final class ScriptedLauncher: Sendable {
    private let begun = AsyncStream<Int>.makeStream()
    private let ends = AsyncStream<Int32>.makeStream()
    private let state = Mutex((started: 0, running: 0, most: 0))

    /// The number of each run, from 1, as it starts.
    var starts: AsyncStream<Int> { begun.stream }
    /// The most runs that were ever under way at a time.
    var most: Int { state.withLock { $0.most } }

    func end(_ code: Int32) { ends.continuation.yield(code) }

    /// 143 where the task is cancelled, as after SIGTERM.
    func launch() async -> Int32 {
        let number = state.withLock { state in
            state.started += 1
            state.running += 1
            state.most = max(state.most, state.running)
            return state.started
        }
        defer { state.withLock { $0.running -= 1 } }
        begun.continuation.yield(number)
        for await code in ends.stream { return code }
        return 143
    }
}
