public import EventLog
import FoundationEssentials
public import Intent
public import Models
public import Sessions

/// One retraining: read the log, train, judge against the champion on sessions that neither has seen, keep the model,
/// and promote it if it is better.
public struct RetrainRun: Sendable {
    public struct Settings: Sendable {
        public var timelines = TrainingSet.Timelines.all
        /// The newest so many sessions.
        public var maxSessions = 1_000_000
        /// Learns from people only, and judges by them.
        public var excludesBots = true
        public var training = TrainingOptions()
        public var rules = JudgementRules()
        public var parameters = FoldParameters.standard

        public init() {}
    }

    public enum Progress: Sendable {
        case reading(done: Int64, total: Int64)
        case training(TrainingProgress)
        case judging(sessions: Int)
    }

    /// How it ended.
    public struct Result: Sendable, Codable {
        public var exit: RetrainExit
        /// One sentence.
        public var reason: String
        /// The new model's number.
        public var number: Int?
        public var report: Report?
        public var verdict: Verdict?
    }

    private let settings: Settings
    private let registry: any ModelStore
    private let now: @Sendable () -> Int64

    /// - Parameter now: milliseconds since the epoch, for the registry's records.
    public init(settings: Settings = Settings(), registry: any ModelStore, now: @escaping @Sendable () -> Int64) {
        self.settings = settings
        self.registry = registry
        self.now = now
    }

    /// - Throws: `EventLogError`, `RegistryError`, `TrainingError` where training itself failed, or `CancellationError`.
    ///   Too little data, a run already under way and a lost right to run are results.
    public func run(_ log: some EventLog, progress: (Progress) -> Void = { _ in }) async throws -> Result {
        guard let lease = try await registry.claimRetraining() else {
            return Result(exit: .busy, reason: "another retraining runs (\(registry.place))")
        }
        do {
            let result = try await run(log, lease, progress)
            await lease.release()
            return result
        } catch RegistryError.leaseLost {
            await lease.release()
            return Result(exit: .leaseLost, reason: "\(RegistryError.leaseLost)")
        } catch {
            await lease.release()
            throw error
        }
    }

    private func run(
        _ log: some EventLog, _ lease: any RetrainLease, _ progress: (Progress) -> Void
    ) async throws -> Result {
        try await registry.refresh()
        // Before the work: against a champion that cannot be loaded nothing can be judged.
        let champion = try registry.championNumber()
        let rival = try champion.map { try registry.load($0) }
        var set = TrainingSet(
            timelines: settings.timelines, excludesBots: settings.excludesBots, limit: settings.maxSessions)
        try await set.read(log, parameters: settings.parameters) { progress(.reading(done: $0, total: $1)) }
        try goOn(lease)
        let sessions = set.sessions()

        let trained: TrainedModel
        do {
            trained = try Trainer.train(
                sessions, options: settings.training, threads: ProcessInfo.processInfo.activeProcessorCount
            ) {
                progress(.training($0))
                return !Task.isCancelled && lease.isHeld
            }
        } catch let error {
            guard case .notEnough = error else { throw error }
            return Result(exit: .notEnoughData, reason: "\(error)")
        }
        try goOn(lease)

        // A session that began with the last one used may be that one: only later ones are surely unseen.
        let seen = max(trained.model.metadata.trainedThrough, rival?.metadata.trainedThrough ?? .min)
        let unseen = sessions.filter { $0.start > seen }
        progress(.judging(sessions: unseen.count))
        let verdict = Judgement.judge(
            challenger: trained.model, champion: rival, sessions: unseen, rules: settings.rules)
        let entry = try await registry.add(
            trained.model, origin: .retrain, report: trained.report, verdict: verdict, time: now(), holding: lease)
        var result = Result(
            exit: .keptAside, reason: verdict.reason, number: entry.number, report: trained.report, verdict: verdict)
        guard verdict.promote else { return result }
        do {
            if try await registry.promote(
                entry.number, over: champion, by: .retrain, reason: verdict.reason, time: now(), holding: lease)
            {
                result.exit = .promoted
            } else {
                result.reason =
                    "the champion was changed during the run; against "
                    + "\(champion.map { "model \($0)" } ?? "a constant"): " + verdict.reason
            }
        } catch RegistryError.leaseLost {
            result.exit = .leaseLost
            result.reason =
                "the right to retrain went to another process after the model was kept and before it was promoted; "
                + verdict.reason
        }
        return result
    }

    /// Between two parts of a run: whether the next is worth beginning.
    private func goOn(_ lease: any RetrainLease) throws {
        try Task.checkCancellation()
        guard lease.isHeld else { throw RegistryError.leaseLost }
    }
}
