import EventLog
import Logging
import Metrics
import ServiceLifecycle
import Sessions

/// The state of one run of scoring; lives in one task.
struct ScoringRun {
    let service: ScoringService
    private var partitions: [Int: PartitionScorer] = [:]
    private var silences: [Int: Silence] = [:]
    private var model: NumberedModel?
    private var championAsked: ContinuousClock.Instant?
    /// Whether the log has said what this process scores; it may be nothing.
    private var isAssigned = false
    private let commitSeconds = Timer(label: "dinghy_score_commit_seconds")
    private let latencySeconds = Timer(label: "dinghy_score_latency_seconds")
    private let commits = Counter(label: "dinghy_score_commits_total")
    private let retries = Counter(label: "dinghy_score_commit_retries_total")
    private let ticks = Counter(label: "dinghy_score_ticks_total")

    init(service: ScoringService) { self.service = service }

    mutating func run() async throws {
        // After the shutdown signal nothing more is folded; what is folded is committed already.
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            await askForChampion()
            switch try await service.consumer.next(limit: service.settings.batch) {
            case .assigned(let assigned):
                try await begin(assigned)
            case .records(let partition, let records):
                partitions[partition]?.process(records)
                silences[partition]?.lastRecords = .now
                try await commit()
                report(partition)
                // Of the oldest record: the one that waited longest.
                if let first = records.first {
                    latencySeconds.record(duration: .milliseconds(max(0, service.now() - first.time)))
                }
            case .idle:
                break
            case .revoked(let revoked):
                try await commit()
                for partition in revoked { drop(partition) }
                try await service.consumer.release(revoked)
            case .lost(let lost):
                for partition in lost { drop(partition) }
            }
            if isAssigned, partitions.values.allSatisfy({ !$0.fold.isResuming }) { service.status.becomeReady() }
            try await tick()
        }
    }

    private mutating func askForChampion() async {
        let instant = ContinuousClock.now
        if let championAsked, instant - championAsked < service.settings.championInterval { return }
        championAsked = instant
        guard let next = await service.champion(model?.number) else { return }
        service.logger.info("model \(next.number) scores from now on")
        model = next
        for partition in partitions.keys { partitions[partition]?.swap(to: next) }
        service.status.take(model: next.number)
    }

    // MARK: Partitions

    private mutating func begin(_ assigned: [AssignedPartition]) async throws {
        for partition in assigned {
            let scorer = try PartitionScorer(
                assigned: partition, model: model, parameters: service.settings.parameters)
            let next = scorer.position.next
            guard next <= partition.bounds.upperBound else {
                throw EventLogError.unusable(
                    "partition \(partition.partition): scores are committed up to offset \(next), but the events log "
                        + "ends at \(partition.bounds.upperBound): the two do not belong together; restore the newer "
                        + "events log or move the scores away to score again")
            }
            if scorer.fold.isResuming {
                service.logger.info(
                    "partition \(partition.partition): folding again from offset \(scorer.fold.nextOffset) to \(next)")
            }
            partitions[partition.partition] = scorer
            silences[partition.partition] = Silence(lastRecords: .now)
            report(partition.partition)
            try await service.consumer.begin(partition: partition.partition, at: scorer.fold.nextOffset)
        }
        isAssigned = true
    }

    private mutating func drop(_ partition: Int) {
        partitions[partition] = nil
        silences[partition] = nil
        service.status.take(nil, at: partition)
    }

    private func report(_ partition: Int) {
        guard let scorer = partitions[partition] else { return }
        service.status.take(
            ScoringStatus.Partition(
                position: scorer.position, openSessions: scorer.fold.openSessions, resuming: scorer.fold.isResuming),
            at: partition)
    }

    // MARK: Commits

    private mutating func commit() async throws {
        let batches = partitions.keys.sorted().compactMap { partitions[$0]?.uncommitted() }
        guard !batches.isEmpty else { return }
        try await service.keep(partitions.keys.sorted().flatMap { partitions[$0]?.unusable ?? [] })
        let started = ContinuousClock.now
        try await commit(batches)
        commitSeconds.record(duration: ContinuousClock.now - started)
        commits.increment()
        for batch in batches { partitions[batch.partition]?.committed() }
    }

    private func commit(_ batches: [ScoredBatch]) async throws {
        for attempt in 1... {
            do throws(EventLogError) {
                return try await service.consumer.commit(batches)
            } catch {
                guard case .failed(let reason) = error, attempt < service.settings.commitAttempts,
                    !Task.isShuttingDownGracefully
                else { throw error }
                service.logger.warning("commit failed, trying the same outputs again: \(reason)")
                retries.increment()
            }
            let delay = service.settings.commitRetryDelay
            // A shutdown cuts the pause short for one last attempt.
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: delay) }
            try Task.checkCancellation()
        }
    }

    // MARK: Ticks

    /// Nothing but the log closes a session, so where a live partition with open sessions falls silent the clock is
    /// moved by a record of its own.
    private mutating func tick() async throws {
        let now = service.now()
        for (partition, scorer) in partitions where !scorer.fold.isResuming {
            guard let begins = scorer.fold.liveSilenceBegins, now > begins,
                silences[partition]?.allowsTick(
                    folded: scorer.fold.counters.control, interval: service.settings.tickInterval) == true
            else { continue }
            do throws(EventLogError) {
                try await service.log.appendTick(partition: partition)
                ticks.increment()
                silences[partition]?.tick = (folded: scorer.fold.counters.control, sent: .now)
            } catch {
                switch error {
                // A later turn tries again; the sessions stay open until then.
                case .overloaded, .failed, .closed:
                    service.logger.warning("no tick for partition \(partition), trying again: \(error)")
                    silences[partition]?.lastRecords = .now
                default: throw error
                }
            }
        }
    }
}

/// What a partition's ticks depend on beside its fold.
private struct Silence {
    /// When it last brought records: one that is still being read is behind, not silent.
    var lastRecords: ContinuousClock.Instant
    /// The last tick: how many control records were folded before it, and when it was appended.
    var tick: (folded: Int64, sent: ContinuousClock.Instant)?

    /// One tick at a time: the next is due when the last has been folded and, by a log whose clock is behind, has closed
    /// nothing.
    func allowsTick(folded: Int64, interval: Duration) -> Bool {
        let now = ContinuousClock.now
        guard now - lastRecords >= interval else { return false }
        guard let tick else { return true }
        return folded > tick.folded && now - tick.sent >= interval
    }
}
