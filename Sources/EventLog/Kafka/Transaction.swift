import CRDKafka
package import EventLog
import Foundation
import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A producer of transactions: outputs and offsets together or not at all. Every call blocks.
final class TransactionalProducer: Sendable {
    private let producer: KafkaProducer
    private static let timeout_ms: Int32 = 10_000
    private static let maxAttempts = 6

    /// Offsets to be committed with a transaction: what a group has read of partitions of one topic.
    struct Offsets: Sendable {
        var topic: String
        var partitions: [(partition: Int, offset: Int64, metadata: String)]
    }

    /// Fences whoever had this id before, and finishes what it left open.
    init(id: String, settings: KafkaSettings, logger: Logger) throws(EventLogError) {
        producer = try KafkaProducer(
            settings.transactional(id: id), overriding: settings.properties, logger: logger)
        try check(rd_kafka_init_transactions(producer.client.handle, 3 * Self.timeout_ms), "begin to work")
    }

    /// One transaction.
    ///
    /// - Parameters:
    ///   - offsets: without partitions where nothing was read.
    ///   - metadata: of the group, taken anew for each transaction; freed here.
    /// - Throws: `.failed` where it was aborted and may be tried again with the same records; `.fenced` where another
    ///   producer has this id or the group has moved on for good.
    func transact(
        _ records: [(topic: String, partition: Int, key: String?, value: [UInt8])], _ offsets: Offsets,
        group metadata: OpaquePointer?
    ) throws(EventLogError) {
        defer { if let metadata { rd_kafka_consumer_group_metadata_destroy(metadata) } }
        let handle = producer.client.handle
        try check(rd_kafka_begin_transaction(handle), "begin a transaction")
        do throws(EventLogError) {
            for record in records { try produce(record) }
            guard let list = rd_kafka_topic_partition_list_new(Int32(offsets.partitions.count)) else {
                preconditionFailure("TransactionalProducer.transact: no memory")
            }
            defer { rd_kafka_topic_partition_list_destroy(list) }
            for offset in offsets.partitions {
                TopicPartitions.add(
                    list, offsets.topic, offset.partition, offset: offset.offset, metadata: offset.metadata)
            }
            if !offsets.partitions.isEmpty {
                try untilKnown("send its offsets") {
                    rd_kafka_send_offsets_to_transaction(handle, list, metadata, Self.timeout_ms)
                }
            }
            try untilKnown("commit a transaction") { rd_kafka_commit_transaction(handle, Self.timeout_ms) }
        } catch {
            // Where the abort fails too, the next producer with this id ends the transaction.
            if !isFatal, let failure = rd_kafka_abort_transaction(handle, Self.timeout_ms) {
                rd_kafka_error_destroy(failure)
            }
            throw error
        }
    }

    private func produce(_ record: (topic: String, partition: Int, key: String?, value: [UInt8])) throws(EventLogError)
    {
        while let code = try producer.produce(
            record.value, key: record.key, topic: record.topic, partition: record.partition)
        {
            // The buffer is full: what waits is sent first.
            guard code == RD_KAFKA_RESP_ERR__QUEUE_FULL else {
                throw .failed("\(record.topic) does not take a record: \(KafkaClient.text(code))")
            }
            rd_kafka_poll(producer.client.handle, 10)
        }
    }

    /// Asks again while the answer is late or the brokers are busy: the outcome must be known.
    private func untilKnown(_ what: String, _ body: () -> OpaquePointer?) throws(EventLogError) {
        for attempt in 1... {
            guard let error = body() else { return }
            guard rd_kafka_error_is_retriable(error) != 0, attempt < Self.maxAttempts else {
                try check(error, what)
                return
            }
            rd_kafka_error_destroy(error)
            Thread.sleep(forTimeInterval: 0.1)
        }
    }

    private func check(_ error: OpaquePointer?, _ what: String) throws(EventLogError) {
        guard let error else { return }
        defer { rd_kafka_error_destroy(error) }
        throw TransactionFailure.error(
            code: rd_kafka_error_code(error).rawValue, isFatal: rd_kafka_error_is_fatal(error) != 0,
            "Kafka refuses to \(what): \(String(cString: rd_kafka_error_string(error)))")
    }

    /// Whether this producer can do no more: as a rule because another one has its id.
    var isFatal: Bool { producer.isFatal }

    /// Drops whatever is not committed. Blocks a moment.
    func discard() { producer.discard() }
}

/// What a transaction's failure means to whoever asked for it.
package enum TransactionFailure {
    /// The group has moved on: not while this member holds its partitions can such a commit ever succeed.
    private static let groupMovedOn = [
        RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
        RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
    ].map(\.rawValue)

    /// - Parameter code: librdkafka's `rd_kafka_resp_err_t`.
    package static func error(code: Int32, isFatal: Bool, _ text: String) -> EventLogError {
        isFatal || groupMovedOn.contains(code) ? .fenced(text) : .failed(text)
    }
}

enum TopicPartitions {
    /// - Parameter metadata: handed over to the list, which frees it.
    static func add(
        _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>, _ topic: String, _ partition: Int,
        offset: Int64? = nil, metadata: String? = nil
    ) {
        guard let element = rd_kafka_topic_partition_list_add(list, topic, Int32(partition)) else {
            preconditionFailure("TopicPartitions.add: no memory")
        }
        if let offset { element.pointee.offset = offset }
        if let metadata {
            // The list frees it with free(3), so it must come from malloc.
            let bytes = Array(metadata.utf8)
            let copy = UnsafeMutableRawPointer(malloc(max(1, bytes.count)))
            bytes.withUnsafeBytes { if let base = $0.baseAddress { copy?.copyMemory(from: base, byteCount: $0.count) } }
            element.pointee.metadata = copy
            element.pointee.metadata_size = bytes.count
        }
    }
}
