public import EventLog
import Events
public import Logging
import Metrics
public import ServiceLifecycle
public import Sessions

/// Consume, fold, step, commit; ticks where nobody comes; a new champion between two events.
///
/// One task owns all state. A commit that fails is repeated with the same outputs; a lost partition is dropped
/// uncommitted.
public struct ScoringService: Service {
    public struct Settings: Sendable {
        /// Records folded before a commit.
        public var batch = 2_000
        /// How often the registry is asked for a new champion while events flow.
        public var championInterval: Duration = .milliseconds(500)
        /// Commits of the same outputs tried before scoring gives up.
        public var commitAttempts = 60
        /// Pause before a commit is tried again.
        public var commitRetryDelay: Duration = .milliseconds(500)
        public var parameters = FoldParameters.standard

        public init() {}
    }

    private let log: any EventLog
    private let consumer: any EventConsumer
    private let champion: @Sendable (_ current: Int?) async -> NumberedModel?
    private let now: @Sendable () -> Int64
    private let settings: Settings
    private let status: ScoringStatus
    private let logger: Logger

    /// - Parameters:
    ///   - champion: the champion where its number is not `current`, else `nil`.
    ///   - now: milliseconds since the epoch; decides only when a tick is due.
    public init(
        log: any EventLog, consumer: any EventConsumer, status: ScoringStatus, settings: Settings = Settings(),
        logger: Logger, now: @escaping @Sendable () -> Int64,
        champion: @escaping @Sendable (_ current: Int?) async -> NumberedModel?
    ) {
        self.log = log
        self.consumer = consumer
        self.status = status
        self.settings = settings
        self.logger = logger
        self.now = now
        self.champion = champion
    }

    public func run() async throws {
        var scoring = Scoring(service: self)
        do {
            try await scoring.run()
        } catch {
            logger.error("scoring ends: \(error)")
            throw error
        }
        logger.info("scoring has committed everything it folded and ends")
    }

    /// The state of a run; lives in one task.
    private struct Scoring {
        let service: ScoringService
        var partitions: [Int: PartitionScorer] = [:]
        /// Partitions in which a tick is under way, with its earliest time.
        var ticks: [Int: Int64] = [:]
        var model: NumberedModel?
        var championAsked: ContinuousClock.Instant?

        mutating func run() async throws {
            // After the shutdown signal nothing more is folded; what is folded is committed already.
            while !Task.isCancelled, !Task.isShuttingDownGracefully {
                try await askForChampion()
                switch try await service.consumer.next(limit: service.settings.batch) {
                case .assigned(let assigned): try await begin(assigned)
                case .records(let partition, let records):
                    partitions[partition]?.process(records)
                    try await commit()
                case .idle: try await commit()
                case .revoked(let revoked):
                    try await commit()
                    for partition in revoked { drop(partition) }
                    try await service.consumer.release(revoked)
                case .lost(let lost): for partition in lost { drop(partition) }
                }
                try await tick()
            }
        }

        mutating func askForChampion() async throws {
            let instant = ContinuousClock.now
            if let championAsked, instant - championAsked < service.settings.championInterval { return }
            championAsked = instant
            guard let next = await service.champion(model?.number) else { return }
            service.logger.info("model \(next.number) scores from now on")
            model = next
            for partition in partitions.keys { partitions[partition]?.swap(to: next) }
            service.status.take(model: next.number)
        }

        mutating func begin(_ assigned: [AssignedPartition]) async throws {
            for partition in assigned {
                let scorer = try PartitionScorer(
                    assigned: partition, model: model, parameters: service.settings.parameters)
                guard scorer.fold.position().next <= partition.bounds.upperBound else {
                    throw EventLogError.unusable(
                        "partition \(partition.partition): scores are committed up to offset "
                            + "\(scorer.fold.position().next), but the events log ends at "
                            + "\(partition.bounds.upperBound): the two do not belong together; restore the newer "
                            + "events log or move the scores away to score again")
                }
                if scorer.fold.isResuming {
                    service.logger.info(
                        """
                        partition \(partition.partition): folding again from offset \(scorer.fold.nextOffset) \
                        to \(scorer.fold.position().next)
                        """)
                }
                partitions[partition.partition] = scorer
                report(partition.partition)
                try await service.consumer.begin(partition: partition.partition, at: scorer.fold.nextOffset)
            }
        }

        mutating func drop(_ partition: Int) {
            partitions[partition] = nil
            ticks[partition] = nil
            service.status.take(nil, at: partition)
        }

        mutating func commit() async throws {
            let batches = partitions.values.compactMap { $0.uncommitted() }.sorted { $0.partition < $1.partition }
            if !batches.isEmpty {
                try await commit(batches)
                for batch in batches {
                    partitions[batch.partition]?.committed()
                    report(batch.partition)
                }
            }
            if !partitions.isEmpty, partitions.values.allSatisfy({ !$0.fold.isResuming }) {
                service.status.becomeReady()
            }
        }

        func commit(_ batches: [ScoredBatch]) async throws {
            for attempt in 1... {
                do throws(EventLogError) {
                    try await service.consumer.commit(batches)
                    return
                } catch {
                    guard case .failed(let reason) = error, attempt < service.settings.commitAttempts else {
                        throw error
                    }
                    service.logger.warning("commit failed, trying the same outputs again: \(reason)")
                    Counter(label: "dinghy_score_commit_retries_total").increment()
                }
                try await Task.sleep(for: service.settings.commitRetryDelay)
            }
        }

        /// Nothing but the log closes a session, so where a live partition with open sessions falls silent the clock
        /// is moved by a record of its own.
        mutating func tick() async throws {
            let now = service.now()
            for (partition, scorer) in partitions where !scorer.fold.isResuming {
                if let due = ticks[partition] {
                    guard let clock = scorer.fold.clock(of: .live), clock >= due else { continue }
                    ticks[partition] = nil
                }
                guard let silence = scorer.fold.liveSilenceBegins, now > silence else { continue }
                do throws(EventLogError) {
                    try await service.log.appendTick(partition: partition)
                    ticks[partition] = now
                } catch {
                    switch error {
                    // The next turn tries again; the sessions stay open until then.
                    case .overloaded, .closed: continue
                    default: throw error
                    }
                }
            }
        }

        func report(_ partition: Int) {
            guard let scorer = partitions[partition] else { return }
            let position = scorer.fold.position()
            service.status.take(
                ScoringStatus.Partition(
                    position: position, openSessions: scorer.fold.openSessions, resuming: scorer.fold.isResuming),
                at: partition)
        }
    }
}
