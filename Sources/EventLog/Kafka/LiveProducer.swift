import CRDKafka
import EventLog
import Logging
import Synchronization

/// The producer of live records. librdkafka gives an idempotent producer up for good when its sequence can no longer be
/// told from the brokers' ("fatal"); the append that met it fails, and the next one gets a new producer.
final class LiveProducer: Sendable {
    private let settings: KafkaSettings
    private let logger: Logger
    private let current: Mutex<KafkaProducer>
    private let queue = BlockingQueue("producer")

    init(settings: KafkaSettings, logger: Logger) throws(EventLogError) {
        self.settings = settings
        self.logger = logger
        current = Mutex(try Self.make(settings, logger))
    }

    private static func make(_ settings: KafkaSettings, _ logger: Logger) throws(EventLogError) -> KafkaProducer {
        try KafkaProducer(settings.producer, overriding: settings.properties, logger: logger)
    }

    func send(
        _ records: [(key: String?, value: [UInt8], partition: Int)], topic: String
    ) async throws(EventLogError) -> [Location] {
        let producer = current.withLock { $0 }
        do throws(EventLogError) {
            return try await producer.send(records, topic: topic)
        } catch {
            if producer.isFatal { try await replace(producer) }
            throw error
        }
    }

    private func replace(_ spent: KafkaProducer) async throws(EventLogError) {
        let isReplaced = try current.withLock { current throws(EventLogError) in
            guard current === spent else { return false }
            current = try Self.make(settings, logger)
            return true
        }
        guard isReplaced else { return }
        logger.warning("a producer of live events has lost its sequence and is replaced")
        await queue.run { spent.discard() }
    }

    func close() async {
        let producer = current.withLock { $0 }
        await queue.run { producer.close() }
    }
}
