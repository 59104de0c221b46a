import EventLog
import Events
import GRDB
import Metrics
import Synchronization

/// The one writer of `events.sqlite`: gathers whatever waits into one transaction (group commit), so that an fsync is
/// shared by all who came while the last one ran.
///
/// Invariants:
/// 1. Nobody is told "stored" before the transaction with its records has committed.
/// 2. A transaction's effects on offsets, clocks and identities are taken over only after it has committed.
/// 3. What waits is bounded in records and bytes; beyond that an append is refused at once.
final class EventWriter: Sendable {
    enum Work: Sendable {
        case append([NewRecord])
        case replay(name: String, rows: [ReplayRow])
        case end(replay: String)
        case tick(partition: Int)
        case reject([RejectedRecord])
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
        var pending: [Pending] = []
        var records = 0
        var bytes = 0
        var closed = false
    }

    /// What may wait, and what one transaction takes.
    static let maxQueuedRecords = 100_000
    static let maxQueuedBytes = 64 << 20
    static let maxTransactionRecords = 10_000

    private let pool: DatabasePool
    private let queue = Mutex(Queue())
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation
    private let committed: @Sendable () -> Void
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// - Parameter committed: called after every commit.
    init(pool: DatabasePool, state: WriterState, committed: @escaping @Sendable () -> Void) {
        self.pool = pool
        self.committed = committed
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        task.withLock { task in
            task = Task.detached(priority: .high) { [self] in
                var state = state
                for await _ in signals {
                    while let batch = takeBatch() { await commit(batch, &state) }
                }
            }
        }
    }

    func perform(_ work: Work, records: Int, bytes: Int) async throws(EventLogError) -> Reply {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Reply, EventLogError>, Never>) in
            let refusal: EventLogError? = queue.withLock { queue in
                if queue.closed { return .closed }
                // One that is larger than all room still passes when nothing else waits.
                if !queue.pending.isEmpty,
                    queue.records + records > Self.maxQueuedRecords || queue.bytes + bytes > Self.maxQueuedBytes
                {
                    return .overloaded(retryAfter_s: 1)
                }
                queue.pending.append(Pending(work: work, records: records, bytes: bytes, continuation: continuation))
                queue.records += records
                queue.bytes += bytes
                return nil
            }
            if let refusal {
                continuation.resume(returning: .failure(refusal))
            } else {
                signal.yield()
            }
        }
        return try result.get()
    }

    /// Commits what waits and ends.
    func close() async {
        queue.withLock { $0.closed = true }
        signal.yield()
        signal.finish()
        await task.withLock { $0 }?.value
    }

    private func takeBatch() -> [Pending]? {
        queue.withLock { queue in
            guard !queue.pending.isEmpty else { return nil }
            var records = 0
            let end = queue.pending.firstIndex { pending in
                records += pending.records
                return records > Self.maxTransactionRecords
            }
            let count = max(1, end ?? queue.pending.count)
            let batch = Array(queue.pending[..<count])
            queue.pending.removeFirst(count)
            queue.records -= batch.reduce(0) { $0 + $1.records }
            queue.bytes -= batch.reduce(0) { $0 + $1.bytes }
            return batch
        }
    }

    private func commit(_ batch: [Pending], _ state: inout WriterState) async {
        let started = ContinuousClock.now
        let works = batch.map(\.work)
        do {
            let (replies, change) = try await pool.write { [state] database in
                var change = WriterChange(state)
                let replies = try works.map { try change.apply($0, database) }
                return (replies, change)
            }
            state.adopt(change)
            for (pending, reply) in zip(batch, replies) { pending.continuation.resume(returning: reply) }
            committed()
            Counter(label: "dinghy_log_commits_total").increment()
            Timer(label: "dinghy_log_commit_seconds").record(duration: ContinuousClock.now - started)
        } catch {
            let failure = EventLogError.failed("the events log could not be written: \(error)")
            for pending in batch { pending.continuation.resume(returning: .failure(failure)) }
        }
    }
}
