import Console
import EmbeddedLog
import EventLog
import Intent
import KafkaLog
import Logging
import Models
import Retraining

/// The log that the settings name, open, with what stands beside it.
struct Opened: Sendable {
    let log: any EventLog
    let outputs: any OutputLog
    let models: ModelRegistry
    private let settings: Settings
    private let consumer: (@Sendable () throws(EventLogError) -> any EventConsumer)?
    private let announceURL: @Sendable (String) throws(EventLogError) -> Void
    private let closing: @Sendable () async -> Void

    /// Opens as the writer: of a data directory the only one, over Kafka one of many.
    static func forWriting(_ settings: Settings, logger: Logger) async throws -> Opened {
        switch settings.logKind {
        case .embedded:
            let directory = try await DataDirectory.open(
                settings.data, partitions: settings.partitions, logger: logger, now: WallClock.now)
            return Opened(
                log: directory.log, outputs: directory.outputs, models: models(settings), settings: settings,
                consumer: { directory.makeConsumer() },
                announceURL: { url throws(EventLogError) in try directory.announce(url: url) },
                closing: { await directory.close() })
        case .kafka: return try await kafka(settings, logger: logger)
        }
    }

    /// Opens for reading, beside whoever writes.
    private static func readOnly(_ settings: Settings, logger: Logger) async throws -> Opened {
        switch settings.logKind {
        case .embedded:
            let directory = try await DataDirectory.openReadOnly(settings.data)
            return Opened(
                log: directory.log, outputs: directory.outputs, models: models(settings), settings: settings,
                consumer: nil, announceURL: { _ in }, closing: { await directory.close() })
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
        return Opened(
            log: kafka.log, outputs: kafka.outputs, models: models(settings), settings: settings,
            consumer: { () throws(EventLogError) in try kafka.makeConsumer() }, announceURL: { _ in },
            closing: { await kafka.close() })
    }

    static func models(_ settings: Settings) -> ModelRegistry {
        ModelRegistry(directory: settings.data + "/models")
    }

    /// A model by the name of its file, which has number 0, or by its number in the registry; `nil`: the champion.
    static func model(_ name: String?, _ settings: Settings) throws -> (number: Int, model: IntentModel) {
        if let name, Int(name) == nil { return (0, try ModelRegistry.load(name)) }
        let registry = models(settings)
        guard let number = try name.flatMap(Int.init) ?? registry.championNumber() else {
            throw CommandFailure("there is no champion in \(registry.directory): name a model file with --model")
        }
        return (number, try registry.load(number))
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

    func status(retraining: RetrainStatus? = nil, watching: Int? = nil) async throws -> StatusReport {
        try await StatusReport(
            version: Dinghy.version, log: name, events: log, outputs: outputs,
            models: StatusReport.Models(champion: try models.championNumber(), count: try models.numbers().count),
            retraining: retraining, watching: watching)
    }

    func close() async { await closing() }
}
