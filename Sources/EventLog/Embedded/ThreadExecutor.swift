import DequeModule
import Dispatch
import Foundation
import Synchronization

/// Runs a task's steps on a thread of its own, which may block: one task whose work is one blocking call after the
/// other then needs no other thread between them.
///
/// The thread lives until `end`, which is to be called once its tasks have ended.
final class ThreadExecutor: TaskExecutor {
    private struct State {
        var jobs: Deque<UnownedJob> = []
        var ended = false
    }

    private let state = Mutex(State())
    private let arrived = DispatchSemaphore(value: 0)

    init(name: String) {
        let thread = Thread { [self] in
            while let job = next() { job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
        thread.name = name
        thread.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { state in
            precondition(!state.ended, "ThreadExecutor.enqueue: the thread has ended")
            state.jobs.append(job)
        }
        arrived.signal()
    }

    func end() {
        state.withLock { $0.ended = true }
        arrived.signal()
    }

    private func next() -> UnownedJob? {
        arrived.wait()
        return state.withLock { $0.jobs.popFirst() }
    }
}
