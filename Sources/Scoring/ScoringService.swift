public import EventLog
public import Logging
public import ServiceLifecycle
public import Sessions

/// Consume, fold, step, commit; ticks where nobody comes; a new champion between two events.
///
/// One task owns all state (`ScoringRun`). A commit that fails is repeated with the same outputs; a lost partition is
/// dropped uncommitted, and scoring goes on with what it gets next (`Recovery`). At its end it leaves the group.
public struct ScoringService: Service {
    public struct Settings: Sendable {
        /// Records folded before a commit, at most.
        public var batch = 2_000
        /// How long a folded record waits for more before it is committed, all partitions in one commit. Zero: what came
        /// together is committed at once.
        public var commitInterval: Duration = .zero
        /// The longest rest after a commit that took all there was; zero: none.
        public var maxCommitRest: Duration = .milliseconds(5)
        /// How often the registry is asked for a new champion.
        public var championInterval: Duration = .milliseconds(500)
        /// Commits of the same outputs tried before scoring gives up; `nil`: until they are committed or the partitions
        /// lost.
        public var commitAttempts: Int? = 60
        /// Pause before a commit is tried again.
        public var commitRetryDelay: Duration = .milliseconds(500)
        /// A partition that brought records within this is not silent; also the pause between two ticks.
        public var tickInterval: Duration = .seconds(1)
        /// How long the last commit before partitions are given back may be tried again; then they go without it.
        public var revocationLimit: Duration = .seconds(10)
        /// Times in a row, without a commit in between, that the group is joined anew before scoring gives up.
        public var maxRejoins = 5
        /// Pause before the first of them; doubles from one to the next.
        public var rejoinDelay: Duration = .seconds(1)
        /// How long the state of a partition that went is kept, and open sessions of all of them at most.
        public var shelfLifetime: Duration = .seconds(60)
        public var shelvedSessions = 500_000
        /// How long to wait for news before other things are looked after.
        public var idleWait: Duration = .milliseconds(100)
        public var parameters = FoldParameters.standard

        public init() {}
    }

    let log: any EventLog
    let consumer: any EventConsumer
    let champion: @Sendable (_ current: Int?) async -> NumberedModel?
    let now: @Sendable () -> Int64
    let settings: Settings
    let status: ScoringStatus
    let logger: Logger
    let time: ScoringTime

    /// - Parameters:
    ///   - now: milliseconds since the epoch; decides only when a tick is due, and measures latency.
    ///   - champion: the champion where its number is not `current`, else `nil`.
    public init(
        log: any EventLog, consumer: any EventConsumer, status: ScoringStatus, settings: Settings = Settings(),
        logger: Logger, now: @escaping @Sendable () -> Int64,
        champion: @escaping @Sendable (_ current: Int?) async -> NumberedModel?
    ) {
        self.init(
            log: log, consumer: consumer, status: status, settings: settings, logger: logger, now: now,
            time: .continuous, champion: champion)
    }

    /// As above, in a time of its own.
    package init(
        log: any EventLog, consumer: any EventConsumer, status: ScoringStatus, settings: Settings, logger: Logger,
        now: @escaping @Sendable () -> Int64, time: ScoringTime,
        champion: @escaping @Sendable (_ current: Int?) async -> NumberedModel?
    ) {
        self.log = log
        self.consumer = consumer
        self.status = status
        self.settings = settings
        self.logger = logger
        self.now = now
        self.time = time
        self.champion = champion
    }

    /// Runs until the task is cancelled or shut down, and leaves the group.
    ///
    /// - Throws: `EventLogError` where the log or a commit fails for good, a committed position is not one of these
    ///   session rules, or another process has taken this one's place.
    public func run() async throws {
        var run = ScoringRun(service: self)
        do {
            try await run.run()
        } catch {
            await consumer.close()
            // A wait that was cut short reports its cancellation as a failure.
            guard Task.isCancelled else {
                logger.error("scoring ends: \(error)")
                throw error
            }
        }
        await consumer.close()
        logger.info("scoring ends; what it has not committed is folded again at the next start")
    }
}

extension ScoringTime {
    /// The machine's own.
    package static let continuous = ScoringTime(
        instant: { .now },
        pause: { duration in
            // Cut short, there is nothing to do but to go on.
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: duration) }
        })
}
