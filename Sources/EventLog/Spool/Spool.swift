import DequeModule
import Dispatch
import EventLog
import Logging
import Synchronization

/// Keeps what the log does not take, on disk, and gives it back in order.
///
/// One thread does all work on the files; whoever comes while it is in an fsync shares the next one (group commit).
/// Between two groups the drainer has its turn.
final class Spool: Sendable {
    private struct Pending {
        var entries: [[UInt8]]
        var amount: SpoolState.Amount
        var time: Int64
        var continuation: CheckedContinuation<EventLogError?, Never>
    }

    private struct Shared {
        var state: SpoolState
        var pending: Deque<Pending> = []
        var isWriting = false
        /// When the oldest entry that is kept came.
        var oldestTime: Int64?
        /// What was last said of the disk.
        var complaint: String?
        var resting: [CheckedContinuation<Void, Never>] = []
    }

    private let settings: SpoolSettings
    private let logger: Logger
    private let now: @Sendable () -> Int64
    private let queue: DispatchQueue
    // Only the queue's thread touches it.
    nonisolated(unsafe) private let files: SpoolFiles
    private let shared: Mutex<Shared>
    private let metrics = SpoolMetrics()
    /// Rung when there is something to drain.
    let filled: AsyncStream<Void>
    private let fill: AsyncStream<Void>.Continuation

    private init(
        _ settings: SpoolSettings, files: consuming sending SpoolFiles, queue: DispatchQueue, logger: Logger,
        now: @escaping @Sendable () -> Int64
    ) {
        self.settings = settings
        self.logger = logger
        self.now = now
        self.queue = queue
        let state = SpoolState(
            maxBytes: settings.maxBytes, maxWaitingBytes: settings.waitingBytes, kept: files.found,
            diskBytes: files.diskBytes)
        shared = Mutex(Shared(state: state, oldestTime: files.oldestTime))
        self.files = files
        (filled, fill) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        if state.isSpooling { fill.yield() }
        metrics.show(status)
    }

    /// - Throws: `.unusable` where the directory is another collector's or cannot be used.
    static func open(
        _ settings: SpoolSettings, logger: Logger, now: @escaping @Sendable () -> Int64
    ) async throws(EventLogError) -> Spool {
        let queue = DispatchQueue(label: "dinghy.spool")
        let opened: Result<Spool, EventLogError> = await withCheckedContinuation { continuation in
            queue.async {
                do throws(EventLogError) {
                    let files = try SpoolFiles(settings, logger: logger)
                    continuation.resume(
                        returning: .success(Spool(settings, files: files, queue: queue, logger: logger, now: now)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try opened.get()
    }

    var status: SpoolStatus {
        let (state, oldestTime) = shared.withLock { ($0.state, $0.oldestTime) }
        return SpoolStatus(
            records: Int64(state.kept.records), bytes: Int64(state.kept.bytes),
            oldest_s: oldestTime.map { Double(max(0, now() - $0)) / 1_000 }, drained: Int64(state.drained),
            refused: Int64(state.refused))
    }

    func showStatus() { metrics.show(status) }

    // MARK: Arriving

    func arrive() -> SpoolState.Route { shared.withLock { $0.state.arrive() } }

    /// Somebody whom `arrive` let past has come to an end.
    func passed() {
        shared.withLock { $0.state.passed() }
        rest()
    }

    /// Keeps items behind all that are kept; durable when it returns.
    ///
    /// - Throws: `.overloaded` where spool, memory or disk are full, `.failed` where the disk fails, `.tooLarge`.
    func keep(_ items: [SpoolItem]) async throws(EventLogError) {
        let time = now()
        var entries: [[UInt8]] = []
        entries.reserveCapacity(items.count)
        for item in items {
            guard let entry = SpoolFormat.encode(item, time: time) else {
                throw .tooLarge(bytes: item.bytes, limit: SpoolFormat.maxPayloadBytes)
            }
            entries.append(entry)
        }
        let amount = SpoolState.Amount(records: entries.count, bytes: entries.reduce(0) { $0 + $1.count })
        let failure = await withCheckedContinuation { continuation in
            let pending = Pending(entries: entries, amount: amount, time: time, continuation: continuation)
            let (refusal, begins) = shared.withLock { shared in
                if let refusal = shared.state.wait(amount) { return (SpoolState.Refusal?.some(refusal), false) }
                shared.pending.append(pending)
                defer { shared.isWriting = true }
                return (nil, !shared.isWriting)
            }
            if let refusal {
                metrics.refused(amount.records)
                continuation.resume(returning: .overloaded(retryAfter_s: refusal == .full ? 5 : 1))
            } else if begins {
                queue.async { self.writeGroup() }
            }
        }
        if let failure { throw failure }
    }

    private func writeGroup() {
        let group = shared.withLock { shared in
            var group: [Pending] = []
            var bytes = 0
            while let next = shared.pending.first, group.isEmpty || bytes + next.amount.bytes <= settings.batchBytes {
                group.append(shared.pending.removeFirst())
                bytes += next.amount.bytes
            }
            if group.isEmpty { shared.isWriting = false }
            return group
        }
        guard !group.isEmpty else { return rest() }
        let amount = group.reduce(into: SpoolState.Amount()) { sum, pending in
            sum.records += pending.amount.records
            sum.bytes += pending.amount.bytes
        }
        var failure: SpoolFailure?
        let started = ContinuousClock.now
        do throws(SpoolFailure) {
            try files.append(group.flatMap(\.entries))
            metrics.synced(in: ContinuousClock.now - started)
        } catch {
            failure = error
            metrics.refused(amount.records)
        }
        let diskBytes = files.diskBytes
        let isNews = shared.withLock { shared in
            defer { shared.complaint = failure?.reason }
            if failure == nil {
                shared.state.keep(amount, diskBytes: diskBytes)
                shared.oldestTime = shared.oldestTime ?? group[0].time
            } else {
                shared.state.fail(amount, diskBytes: diskBytes)
            }
            return failure?.reason != shared.complaint
        }
        if let failure, isNews { logger.error("the spool takes no events: \(failure.reason)") }
        for pending in group { pending.continuation.resume(returning: failure?.refusal) }
        fill.yield()
        showStatus()
        queue.async { self.writeGroup() }
    }

    // MARK: Draining

    /// The oldest that are kept; empty where none are.
    func batch() async throws(SpoolFailure) -> SpoolBatch {
        let batch = try await onQueue { files throws(SpoolFailure) in try files.batch() }
        shared.withLock { $0.oldestTime = batch.oldestTime ?? $0.oldestTime }
        showStatus()
        return batch
    }

    /// The log has what is before `end`.
    func advance(to end: SpoolPosition, past amount: SpoolState.Amount, damaged: Int) async throws(SpoolFailure) {
        let diskBytes = try await onQueue { files throws(SpoolFailure) in
            try files.advance(to: end)
            return files.diskBytes
        }
        let isEmpty = shared.withLock { shared in
            shared.state.drain(amount, diskBytes: diskBytes)
            if shared.state.kept.bytes == 0 { shared.oldestTime = nil }
            return shared.state.kept.bytes == 0
        }
        metrics.drained(amount.records)
        metrics.damaged(damaged)
        showStatus()
        if isEmpty { logger.notice("the spool is drained: the log takes events again") }
    }

    private func onQueue<Value: Sendable>(
        _ body: @escaping @Sendable (SpoolFiles) throws(SpoolFailure) -> Value
    ) async throws(SpoolFailure) -> Value {
        let result: Result<Value, SpoolFailure> = await withCheckedContinuation { continuation in
            queue.async {
                do throws(SpoolFailure) {
                    continuation.resume(returning: .success(try body(self.files)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    // MARK: Closing

    /// Takes nothing from now on but what is on its way past.
    func refuse() {
        shared.withLock { $0.state.close() }
        fill.finish()
    }

    var isSpooling: Bool { shared.withLock { $0.state.isSpooling } }
    var isClosed: Bool { shared.withLock { $0.state.isClosed } }

    /// Waits for what is under way and gives the directory back.
    func close() async {
        await withCheckedContinuation { continuation in
            shared.withLock { $0.resting.append(continuation) }
            rest()
        }
        _ = try? await onQueue { files throws(SpoolFailure) in files.close() }
    }

    /// Lets go whoever waits for the end, once that has come.
    private func rest() {
        let resting = shared.withLock { shared in
            guard shared.state.isAtRest else { return [CheckedContinuation<Void, Never>]() }
            defer { shared.resting = [] }
            return shared.resting
        }
        for waiter in resting { waiter.resume() }
    }
}

extension SpoolItem {
    var bytes: Int {
        switch self {
        case .event(let record): record.value.count
        case .rejected(let record): record.bytes.count
        }
    }
}

extension SpoolBatch {
    /// When the first of them was spooled, where that can be read.
    var oldestTime: Int64? {
        for case .item(_, let time) in entries.lazy.map(\.content) { return time }
        return nil
    }
}
