import DequeModule
import EventLog
import GRDB
import LogDirectory
import Metrics
import Synchronization

/// The one writer of `events.sqlite`: gathers whatever waits into one transaction (group commit), so that an fsync is
/// shared by all who came while the last one ran.
///
/// Invariants:
/// 1. Nobody is told "stored" before the transaction with its records has committed.
/// 2. A transaction's effects on offsets, clocks and identities are taken over only after it has committed.
/// 3. What waits is bounded in records and bytes; beyond that an append is refused at once, and counted.
/// 4. The directory's lock is held for as long as there is a writer.
/// 5. Once the disk has failed (`StorageHealth`) nobody is told "stored" any more.
final class EventWriter: Sendable {
    enum Work: Sendable {
        case append([NewRecord])
        case replay(name: String, rows: [ReplayRow])
        case end(replay: String)
        case tick(partition: Int)
        case reject([RejectedRecord])
        /// Retention: the records of a partition before an offset, and rejected input of before a time.
        case forget(partition: Int, before: Int64)
        case forgetRejected(before: Int64, limit: Int)

        /// Whether records of the log go.
        fileprivate var removes: Bool { if case .forget = self { true } else { false } }
    }

    enum Reply: Sendable {
        case verdicts([AppendVerdict])
        case replay(ReplayAppended)
        case done
    }

    private struct Pending {
        var work: Work
        var records: Int
        var bytes: Int
        var continuation: CheckedContinuation<Result<Reply, EventLogError>, Never>
    }

    private struct Queue {
        var pending: Deque<Pending> = []
        var records = 0
        var bytes = 0
        var closed = false
    }

    private let pool: DatabasePool
    private let limits: EmbeddedLimits
    private let lock: DirectoryLock
    private let health: StorageHealth
    private let queue = Mutex(Queue())
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation
    private let newest: [NewestRecords]
    private let committed: Bell
    /// A commit's calls block; handed to a queue of GRDB's and back each took two more switches of threads (measured with
    /// posts of one event over 64 connections: 39,200 requests/s instead of 36,700).
    private let executor = ThreadExecutor(name: "events-writer")
    private let task = Mutex<Task<Void, Never>?>(nil)

    private let commits = Metrics.Counter(label: "dinghy_log_commits_total")
    private let commitDuration = Metrics.Timer(label: "dinghy_log_commit_seconds")
    private let failures = Metrics.Counter(label: "dinghy_log_commit_failures_total")
    private let refused = Metrics.Counter(label: "dinghy_log_refused_records_total")

    /// - Parameters:
    ///   - newest: of every partition; gets what was committed.
    ///   - committed: rung after every commit.
    init(
        pool: DatabasePool, state: WriterState, limits: EmbeddedLimits, lock: DirectoryLock, health: StorageHealth,
        newest: [NewestRecords], committed: Bell
    ) {
        self.newest = newest
        self.pool = pool
        self.health = health
        self.limits = limits
        self.lock = lock
        self.committed = committed
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        task.withLock { task in
            task = Task.detached(executorPreference: executor, priority: .high) { [self] in
                var state = state
                for await _ in signals {
                    while let batch = takeBatch() { await commit(batch, &state) }
                }
            }
        }
    }

    /// Why nothing is written any more.
    var stopped: String? { health.stopped }

    /// Removes the records of a partition before an offset, which must leave its newest.
    ///
    /// - Parameter records: how many those are.
    func forget(partition: Int, before offset: Int64, records: Int) async throws(EventLogError) {
        _ = try await perform(.forget(partition: partition, before: offset), records: records, bytes: 0)
    }

    /// Removes the oldest rejected inputs, at most `limit`, of those that came before a time.
    func forgetRejected(before time: Int64, limit: Int) async throws(EventLogError) {
        _ = try await perform(.forgetRejected(before: time, limit: limit), records: limit, bytes: 0)
    }

    /// Queues work and waits for its commit. The task's cancellation is not heeded: what is queued is written.
    func perform(_ work: Work, records: Int, bytes: Int) async throws(EventLogError) -> Reply {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Reply, EventLogError>, Never>) in
            let pending = Pending(work: work, records: records, bytes: bytes, continuation: continuation)
            if let refusal = enqueue(pending) {
                continuation.resume(returning: .failure(refusal))
            } else {
                FaultPoint.append.pass()
                signal.yield()
            }
        }
        return try result.get()
    }

    private func enqueue(_ pending: Pending) -> EventLogError? {
        queue.withLock { queue in
            if queue.closed { return .closed }
            if let reason = health.stopped { return .stopped(reason) }
            let records = queue.records + pending.records
            let bytes = queue.bytes + pending.bytes
            // One that is larger than all room passes where nothing else waits: its caller holds it in memory anyway,
            // and would try in vain for ever.
            if !queue.pending.isEmpty, records > limits.waitingRecords || bytes > limits.waitingBytes {
                refused.increment(by: pending.records)
                return .overloaded(retryAfter_s: 1)
            }
            queue.pending.append(pending)
            queue.records = records
            queue.bytes = bytes
            return nil
        }
    }

    /// Commits what waits and ends.
    func close() async {
        queue.withLock { $0.closed = true }
        signal.yield()
        signal.finish()
        await task.withLock { $0 }?.value
        executor.end()
    }

    private func takeBatch() -> [Pending]? {
        queue.withLock { queue in
            guard let first = queue.pending.popFirst() else { return nil }
            var batch = [first]
            var records = first.records
            while let next = queue.pending.first, records + next.records <= limits.transactionRecords {
                batch.append(queue.pending.removeFirst())
                records += next.records
            }
            queue.records -= records
            queue.bytes -= batch.reduce(0) { $0 + $1.bytes }
            return batch
        }
    }

    private func commit(_ batch: [Pending], _ state: inout WriterState) async {
        let started = ContinuousClock.now
        let works = batch.map(\.work)
        do {
            if let reason = health.stopped { throw EventLogError.stopped(reason) }
            let (replies, change) = try write(works, state)
            FaultPoint.commitAfter.pass()
            state.adopt(change)
            for (newest, run) in zip(newest, change.runs) { newest.append(run) }
            if works.contains(where: \.removes) { for newest in newest { newest.clear() } }
            for (pending, reply) in zip(batch, replies) { pending.continuation.resume(returning: reply) }
            committed.ring()
            commits.increment()
            commitDuration.record(duration: ContinuousClock.now - started)
        } catch {
            // What the commit left on the disk is not known.
            for newest in newest { newest.clear() }
            let failure = await health.judge(error, "the events log could not be written", writer: pool)
            for pending in batch { pending.continuation.resume(returning: .failure(failure)) }
            failures.increment()
        }
    }

    /// Blocks the thread until it has committed.
    private func write(
        _ works: [Work], _ state: WriterState
    ) throws -> ([Result<Reply, EventLogError>], WriterChange) {
        try pool.write { database in
            var transaction = try EventTransaction(database, state)
            let replies = try works.map { try transaction.apply($0) }
            try transaction.finish()
            FaultPoint.commitBefore.pass()
            return (replies, transaction.change)
        }
    }
}
