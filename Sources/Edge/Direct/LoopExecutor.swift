import NIOCore

/// Runs a task's steps on an event loop: a task that begins there needs no other thread, and comes back to it after
/// every wait.
final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // The closure keeps the executor for as long as the step runs.
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
