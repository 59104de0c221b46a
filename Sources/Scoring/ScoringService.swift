public import EventLog
public import Logging
public import ServiceLifecycle
public import Sessions

/// Consume, fold, step, commit; ticks where nobody comes; a new champion between two events.
///
/// One task owns all state (`ScoringRun`). A commit that fails is repeated with the same outputs; a lost partition is
/// dropped uncommitted.
public struct ScoringService: Service {
    public struct Settings: Sendable {
        /// Records folded before a commit.
        public var batch = 2_000
        /// How often the registry is asked for a new champion.
        public var championInterval: Duration = .milliseconds(500)
        /// Commits of the same outputs tried before scoring gives up.
        public var commitAttempts = 60
        /// Pause before a commit is tried again.
        public var commitRetryDelay: Duration = .milliseconds(500)
        /// A partition that brought records within this is not silent; also the pause between two ticks.
        public var tickInterval: Duration = .seconds(1)
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

    /// - Parameters:
    ///   - now: milliseconds since the epoch; decides only when a tick is due, and measures latency.
    ///   - champion: the champion where its number is not `current`, else `nil`.
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

    /// Runs until the task is cancelled or shut down.
    ///
    /// - Throws: `EventLogError` where the log or a commit fails for good, `PositionError` where a committed position
    ///   is not one of these session rules.
    public func run() async throws {
        var run = ScoringRun(service: self)
        do {
            try await run.run()
        } catch {
            // A wait that was cut short reports its cancellation as a failure.
            guard Task.isCancelled else {
                logger.error("scoring ends: \(error)")
                throw error
            }
        }
        logger.info("scoring ends; what it has not committed is folded again at the next start")
    }
}
