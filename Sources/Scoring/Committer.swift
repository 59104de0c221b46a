import EventLog
import Logging
import Metrics
import ServiceLifecycle

/// Commits one set of batches, as often as it takes: the same outputs every time.
///
/// It has no part of the fold's state, so that a commit may run beside the fold of what comes next.
struct Committer: Sendable {
    let service: ScoringService
    let instruments: ScoringInstruments

    /// What goes into one commit.
    struct Load: Sendable {
        var batches: [ScoredBatch]
        /// Records that these batches pass over.
        var unusable: [RejectedRecord]
        /// Append time of the oldest record.
        var oldest: Int64
    }

    /// - Parameter limit: for how long a commit that fails is tried again; `nil`: as often as the settings say.
    func commit(_ load: Load, within limit: Duration?) async throws(EventLogError) {
        let started = service.time.instant()
        let deadline = limit.map { started + $0 }
        try await keep(load.unusable, until: deadline)
        try await untilDone(deadline, "commit failed, trying the same outputs again") { () throws(EventLogError) in
            try await service.consumer.commit(load.batches)
        }
        instruments.commitSeconds.record(duration: service.time.instant() - started)
        instruments.commits.increment()
        if load.oldest < .max {
            instruments.latencySeconds.record(duration: .milliseconds(max(0, service.now() - load.oldest)))
        }
    }

    /// Keeps records that cannot be folded in `rejected`, before the commit that passes them over: at least once. After
    /// a commit that never came they are folded, and kept, again; partition and offset tell the copies apart.
    private func keep(
        _ unusable: [RejectedRecord], until deadline: ContinuousClock.Instant?
    ) async throws(EventLogError) {
        guard let first = unusable.first else { return }
        try await untilDone(deadline, "unusable records cannot be kept in rejected yet, trying again") {
            () throws(EventLogError) in try await service.log.reject(unusable)
        }
        service.logger.warning(
            "\(unusable.count) records of the log cannot be used, the first \(first.source): \(first.reason)")
    }

    /// Repeats `work` while it fails in a way that may pass: until the deadline, or else as often as the settings say.
    private func untilDone(
        _ deadline: ContinuousClock.Instant?, _ complaint: String, _ work: () async throws(EventLogError) -> Void
    ) async throws(EventLogError) {
        for attempt in 1... {
            do throws(EventLogError) {
                return try await work()
            } catch {
                let isLast =
                    deadline.map { service.time.instant() >= $0 } ?? service.settings.commitAttempts.map {
                        attempt >= $0
                    } ?? false
                guard error.mayPass, !isLast, !Task.isCancelled, !Task.isShuttingDownGracefully else { throw error }
                service.logger.warning("\(complaint): \(error)")
                instruments.retries.increment()
            }
            // One last attempt follows where a shutdown cuts the pause short.
            await service.time.pause(service.settings.commitRetryDelay)
        }
    }
}

/// A commit on its way.
struct CommitUnderWay: Sendable {
    let partitions: [Int]
    private let task: Task<Result<Void, EventLogError>, Never>

    init(_ load: Committer.Load, by committer: Committer, within limit: Duration?) {
        partitions = load.batches.map(\.partition)
        task = Task(executorPreference: committer.service.time.executor) {
            do throws(EventLogError) {
                try await committer.commit(load, within: limit)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
    }

    /// How it ended. A cancelled caller waits for the attempt that has begun, and for no other.
    func outcome() async -> Result<Void, EventLogError> {
        await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
    }
}

extension EventLogError {
    /// Whether the same may be tried again.
    fileprivate var mayPass: Bool {
        switch self {
        case .failed, .overloaded: true
        case .closed, .replayGap, .tooLarge, .unusable, .fenced, .partitionsLost, .mustRejoin, .stopped: false
        }
    }
}
