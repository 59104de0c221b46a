import Dispatch

/// Runs an actor on a queue of its own: what it does may block, and the threads that all tasks share must not.
final class BlockingExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "dinghy.replay")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
