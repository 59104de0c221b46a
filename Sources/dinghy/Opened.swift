import Console
import EmbeddedLog
import EventLog
import Intent
import KafkaLog
import Logging
import Models
import ProgramSettings
import Retraining
import Scoring
import SpooledLog

/// The log that the settings name, open, with what stands beside it.
struct Opened: Sendable {
    let log: any EventLog
    let outputs: any OutputLog
    let models: any ModelStore
    /// Keeps `models` current until cancelled; `nil` where they are read anew each time.
    let following: (@Sendable () async -> Void)?
    private var spool: SpooledLog?
    private let settings: Settings
    private let consumer: (@Sendable () throws(EventLogError) -> any EventConsumer)?
    private let announceURL: @Sendable (String) throws(EventLogError) -> Void
    private let closing: @Sendable () async -> Void

    /// Opens as the writer: of a data directory the only one, over Kafka one of many. `collects`: events come in here,
    /// so over Kafka there is a spool.
    static func forWriting(_ settings: Settings, collects: Bool = false, logger: Logger) async throws -> Opened {
        switch settings.logKind {
        case .embedded:
            let directory = try await DataDirectory.open(
                settings.data, partitions: settings.partitions, retention: settings.retention, logger: logger,
                now: WallClock.now)
            return Opened(
                log: directory.log, outputs: directory.outputs, models: directoryModels(settings), following: nil,
                settings: settings, consumer: { directory.makeConsumer() },
                announceURL: { url throws(EventLogError) in try directory.announce(url: url) },
                closing: { await directory.close() })
        case .kafka where collects: return try await spooledKafka(settings, logger: logger)
        case .kafka: return try await kafka(settings, logger: logger)
        }
    }

    /// Opens for reading, beside whoever writes.
    private static func readOnly(_ settings: Settings, logger: Logger) async throws -> Opened {
        switch settings.logKind {
        case .embedded:
            let directory = try await DataDirectory.openReadOnly(settings.data)
            return Opened(
                log: directory.log, outputs: directory.outputs, models: directoryModels(settings), following: nil,
                settings: settings, consumer: nil, announceURL: { _ in }, closing: { await directory.close() })
        case .kafka: return try await kafka(settings, logger: logger)
        }
    }

    /// Opens for reading, and closes whatever happens.
    static func reading<Result>(_ settings: Settings, _ body: (Opened) async throws -> Result) async throws -> Result {
        try await closing(try await readOnly(settings, logger: settings.logger()), body)
    }

    /// Opens as the writer, and closes whatever happens.
    static func writing<Result>(_ settings: Settings, _ body: (Opened) async throws -> Result) async throws -> Result {
        try await closing(try await forWriting(settings, logger: settings.logger()), body)
    }

    private static func closing<Result>(
        _ opened: Opened, _ body: (Opened) async throws -> Result
    ) async throws -> Result {
        do {
            let result = try await body(opened)
            await opened.close()
            return result
        } catch {
            await opened.close()
            throw error
        }
    }

    private static func kafka(_ settings: Settings, logger: Logger) async throws -> Opened {
        let kafka = try await KafkaLog.open(settings.kafka(), logger: logger)
        let models = try await sharedModels(settings, logger: logger)
        return Opened(
            log: kafka.log, outputs: kafka.outputs, models: models, following: { await models.follow() },
            settings: settings, consumer: { () throws(EventLogError) in try kafka.makeConsumer() },
            announceURL: { _ in }, closing: { await kafka.close() })
    }

    private static func spooledKafka(_ settings: Settings, logger: Logger) async throws -> Opened {
        let kafka = try await kafka(settings, logger: logger)
        do {
            let spooled = try await SpooledLog.open(
                over: kafka.log, settings.spool, logger: logger, now: WallClock.now)
            return Opened(
                log: spooled, outputs: kafka.outputs, models: kafka.models, following: kafka.following,
                spool: spooled, settings: settings,
                consumer: kafka.consumer, announceURL: kafka.announceURL,
                closing: {
                    await spooled.close()
                    await kafka.close()
                })
        } catch {
            await kafka.close()
            throw error
        }
    }

    /// The models alone, as they are now.
    static func models(_ settings: Settings) async throws -> any ModelStore {
        switch settings.logKind {
        case .embedded: return directoryModels(settings)
        case .kafka:
            let models = try await sharedModels(settings, logger: settings.logger())
            try await models.refresh()
            return models
        }
    }

    private static func directoryModels(_ settings: Settings) -> ModelRegistry {
        ModelRegistry(directory: settings.data + "/models")
    }

    private static func sharedModels(_ settings: Settings, logger: Logger) async throws -> SharedRegistry {
        SharedRegistry(
            log: try await ModelTopic.open(settings.kafka(), logger: logger),
            cache: settings.data + "/models-\(settings.topicPrefix)", logger: logger)
    }

    /// A model by the name of its file, which has number 0, or by its number in the registry; `nil`: the champion.
    static func model(_ name: String?, _ settings: Settings) async throws -> (number: Int, model: IntentModel) {
        if let name, Int(name) == nil { return (0, try ModelRegistry.load(name)) }
        let models = try await models(settings)
        guard let number = try name.flatMap(Int.init) ?? models.championNumber() else {
            throw CommandFailure("there is no champion in \(models.place): name a model file with --model")
        }
        return (number, try models.load(number))
    }

    /// Where the log is, in words.
    var name: String {
        switch settings.logKind {
        case .embedded: settings.data
        case .kafka: "kafka \(settings.brokers)"
        }
    }

    /// The scoring side. Only where the log is open for writing.
    func makeConsumer() throws(EventLogError) -> any EventConsumer {
        guard let consumer else { preconditionFailure("Opened.makeConsumer: open for reading only") }
        return try consumer()
    }

    /// Says beside the log where this server can be reached, for other commands to find.
    func announce(url: String) throws { try announceURL(url) }

    func status(
        scoring: ScoringStatus.Snapshot? = nil, retraining: RetrainStatus? = nil, watching: Int? = nil
    ) async throws -> StatusReport {
        try await StatusReport(
            version: Dinghy.version, log: name, events: log, outputs: outputs,
            models: StatusReport.Models(champion: try models.championNumber(), count: try models.numbers().count),
            scoring: scoring, now: WallClock.now(), retraining: retraining, spool: spool?.status, watching: watching)
    }

    func close() async { await closing() }
}
