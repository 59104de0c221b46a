import CRDKafka
public import EventLog
public import Logging

/// The shop's models on `PREFIX.models`.
///
/// Every writer has the transactional id `PREFIX-models`. `init_transactions` gives it a new epoch and ends what the one
/// before left open, before it returns; from then on brokers refuse the old epoch. So what a new writer reads up to the
/// end of the committed records is everything that was written, and nothing comes behind it but its own.
///
/// A record that may only be written while a lease is held travels with an offset of the lease's group, in one
/// transaction: the coordinator refuses the offset, and with it the records, of a member that its group has given up.
public struct ModelTopic: ModelLog {
    private let settings: KafkaSettings
    private let logger: Logger

    /// - Throws: `.unusable` where no broker answers, or a topic is missing or does not fit (`KafkaTopics.check`).
    public static func open(_ settings: KafkaSettings, logger: Logger) async throws(EventLogError) -> ModelTopic {
        _ = try await KafkaTopics(settings, logger: logger).checked([.models, .retrainLease])
        return ModelTopic(settings: settings, logger: logger)
    }

    public var name: String { "topic \(settings.name(of: .models))" }

    public func reader(from offset: Int64) async throws(EventLogError) -> any EventReader {
        try KafkaReader(
            topic: settings.name(of: .models), partition: 0, from: offset, settings: settings, logger: logger)
    }

    public func writer() async throws(EventLogError) -> any ModelLogWriter {
        let queue = BlockingQueue("models")
        let producer = try await queue.run { [settings, logger] () throws(EventLogError) in
            try TransactionalProducer(id: settings.modelsTransactionalID, settings: settings, logger: logger)
        }
        return ModelTopicWriter(settings: settings, producer: producer, queue: queue)
    }

    public func claimRetraining() async throws(EventLogError) -> (any RetrainLease)? {
        try await KafkaLease.claim(settings: settings, logger: logger)
    }
}

private struct ModelTopicWriter: ModelLogWriter {
    let settings: KafkaSettings
    let producer: TransactionalProducer
    let queue: BlockingQueue

    func append(_ records: [KeyedRecord], holding lease: (any RetrainLease)?) async throws(EventLogError) {
        let topic = settings.name(of: .models)
        var offsets = TransactionalProducer.Offsets(topic: settings.name(of: .retrainLease), partitions: [])
        var held: KafkaLease?
        if let lease {
            guard let lease = lease as? KafkaLease else {
                preconditionFailure("ModelTopicWriter.append: a lease of another log")
            }
            held = lease
            offsets.partitions = [(partition: 0, offset: 0, metadata: "retraining")]
        }
        try await queue.run { [producer, held, offsets] () throws(EventLogError) in
            try producer.transact(
                records.map { (topic: topic, partition: 0, key: $0.key, value: $0.value) }, offsets,
                group: try held?.membership())
        }
    }

    func close() async { await queue.run { [producer] in producer.discard() } }
}
