import CRDKafka
import EventLog
import Foundation
import Logging
import Synchronization

/// Sends records and awaits their delivery reports, which a thread of its own serves.
final class KafkaProducer: Sendable {
    let client: KafkaClient
    private let topics = Mutex<[String: Topic]>([:])
    private let stopped = Atomic(false)

    /// A topic's handle, freed with the producer.
    private final class Topic: Sendable {
        // As with a client's, librdkafka lets any thread use it.
        nonisolated(unsafe) let handle: OpaquePointer
        init(_ handle: OpaquePointer) { self.handle = handle }
        deinit { rd_kafka_topic_destroy(handle) }
    }

    init(
        _ properties: [String: String], overriding: [String: String], logger: Logger
    ) throws(EventLogError) {
        client = try KafkaClient(
            .producer, properties, overriding: overriding, context: CallbackContext(logger: logger))
        Thread.detachNewThread { [weak self] in
            while let producer = self, !producer.stopped.load(ordering: .relaxed) {
                rd_kafka_poll(producer.client.handle, 100)
            }
        }
    }

    private func topic(_ name: String) throws(EventLogError) -> Topic {
        let topic = topics.withLock { topics -> Topic? in
            if let known = topics[name] { return known }
            guard let handle = rd_kafka_topic_new(client.handle, name, nil) else { return nil }
            let topic = Topic(handle)
            topics[name] = topic
            return topic
        }
        guard let topic else {
            throw .unusable("topic \(name): \(KafkaClient.text(rd_kafka_last_error()))")
        }
        return topic
    }

    /// Hands one record to librdkafka, which copies it.
    ///
    /// - Parameter ticket: of a `Delivery`; `nil` inside a transaction.
    /// - Returns: `nil`, or why it was not taken.
    func produce(
        _ value: [UInt8], key: String?, topic name: String, partition: Int, ticket: UnsafeMutableRawPointer? = nil
    ) throws(EventLogError) -> rd_kafka_resp_err_t? {
        let topic = try topic(name)
        var value = value
        let keyBytes = key.map { Array($0.utf8) }
        let code = value.withUnsafeMutableBytes { bytes in
            rd_kafka_produce(
                topic.handle, Int32(partition), RD_KAFKA_MSG_F_COPY, bytes.baseAddress, bytes.count, keyBytes,
                keyBytes?.count ?? 0, ticket)
        }
        return code == 0 ? nil : rd_kafka_last_error()
    }

    /// Sends records outside a transaction and waits until all are acknowledged.
    func send(
        _ records: [(key: String?, value: [UInt8], partition: Int)], topic: String
    ) async throws(EventLogError) -> [Location] {
        guard !records.isEmpty else { return [] }
        let delivery = Delivery(count: records.count)
        for (index, record) in records.enumerated() {
            let ticket = delivery.ticket(index)
            let code: rd_kafka_resp_err_t?
            do throws(EventLogError) {
                code = try produce(
                    record.value, key: record.key, topic: topic, partition: record.partition, ticket: ticket)
            } catch {
                Delivery.cancel(ticket, error)
                continue
            }
            if let code { Delivery.cancel(ticket, Delivery.failure(code, bytes: record.value.count)) }
        }
        return try await delivery.locations()
    }

    /// Whether librdkafka has given this producer up for good.
    var isFatal: Bool { rd_kafka_fatal_error(client.handle, nil, 0) != RD_KAFKA_RESP_ERR_NO_ERROR }

    /// Waits for the reports of what is under way, which come in `message.timeout.ms` at the latest.
    func close() {
        rd_kafka_flush(client.handle, 10_000)
        discard()
    }

    /// What is not acknowledged yet is reported as failed, so that nobody waits for ever.
    func discard() {
        rd_kafka_purge(client.handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
        rd_kafka_flush(client.handle, 1_000)
        stopped.store(true, ordering: .relaxed)
    }

    // Topics hold on to their client, so they go first.
    deinit { topics.withLock { $0 = [:] } }
}
