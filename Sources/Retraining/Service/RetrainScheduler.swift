public import Logging
import Metrics
public import ServiceLifecycle
import Synchronization

/// Starts a retraining run whenever the schedule says so.
///
/// 1. Never two at a time: what falls due while one runs is passed over.
/// 2. What fell due while the machine slept runs once, when it wakes.
/// 3. A run that fails changes nothing but the counters.
/// 4. A graceful shutdown cancels the run under way and waits for its end: `launch` must answer to cancellation.
public final class RetrainScheduler: Service {
    private let schedule: CronSchedule
    private let clock: any RetrainClock
    private let logger: Logger
    private let launch: @Sendable () async -> Int32
    private let state = Mutex(State())
    private let seconds = Gauge(label: "dinghy_retrain_seconds")

    private struct State {
        var runningSince: Int64?
        var last: RetrainStatus.Run?
    }

    /// - Parameter launch: makes one run and returns its exit code (`RetrainExit`).
    public init(
        schedule: CronSchedule, clock: any RetrainClock = SystemRetrainClock(), logger: Logger,
        launch: @escaping @Sendable () async -> Int32
    ) {
        self.schedule = schedule
        self.clock = clock
        self.logger = logger
        self.launch = launch
        // Every result is exported from the start, so that the first of its kind shows as a rise.
        for exit in RetrainExit.allCases { Self.counter(exit).increment(by: 0) }
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown { await self.loop() }
    }

    /// What is going on and what comes next.
    public func status() -> RetrainStatus {
        let state = state.withLock { ($0.runningSince, $0.last) }
        return RetrainStatus(
            schedule: schedule.expression, timeZone: schedule.timeZone,
            nextRuns: schedule.nextRuns(5, after: clock.now()), runningSince: state.0, last: state.1)
    }

    private func loop() async {
        var considered = clock.now()
        while !Task.isCancelled {
            let due = schedule.next(after: considered)
            do { try await clock.sleep(until: due) } catch { return }
            await runOnce()
            // A clock that was set back must not bring the same run again.
            considered = max(clock.now(), due)
        }
    }

    private func runOnce() async {
        let started = clock.now()
        state.withLock { $0.runningSince = started }
        logger.info("retraining begins")
        let code = await launch()
        let finished = clock.now()
        let exit = RetrainExit(code: code)
        state.withLock {
            $0.runningSince = nil
            $0.last = RetrainStatus.Run(started: started, finished: finished, exit: exit, code: code)
        }
        Self.counter(exit).increment()
        seconds.record(Double(finished - started) / 1_000)
        logger.log(
            level: exit == .failed && !Task.isCancelled ? .error : .info, "retraining ended",
            metadata: ["result": "\(exit.name)", "code": "\(code)", "seconds": "\((finished - started) / 1_000)"])
    }

    private static func counter(_ exit: RetrainExit) -> Counter {
        Counter(label: "dinghy_retrain_runs_total", dimensions: [("result", exit.name)])
    }
}
