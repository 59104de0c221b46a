/// Runs all tasks of one simulation on one thread, job by job, in an order that the seed decides: where several could go
/// on, one of them is drawn.
///
/// Unchecked, because the one thread that simulates is the only one that ever enqueues or runs a job.
final class VirtualExecutor: TaskExecutor, @unchecked Sendable {
    private var jobs: [UnownedJob] = []

    /// How many jobs could run now.
    var readyCount: Int { jobs.count }

    func enqueue(_ job: consuming ExecutorJob) { jobs.append(UnownedJob(job)) }

    func runJob(_ index: Int) {
        jobs.swapAt(index, jobs.count - 1)
        jobs.removeLast().runSynchronously(on: asUnownedTaskExecutor())
    }
}
