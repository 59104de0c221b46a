import CRDKafka
import EventLog
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
    /// - Parameter metadata: of the group, taken anew for each transaction; freed here.
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
            try check(
                rd_kafka_send_offsets_to_transaction(handle, list, metadata, Self.timeout_ms), "send its offsets")
            try commit()
        } catch {
            if case .fenced = error { throw error }
            try check(rd_kafka_abort_transaction(handle, Self.timeout_ms), "abort a transaction")
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

    /// A commit whose answer is late is asked for again: its outcome must be known.
    private func commit() throws(EventLogError) {
        for attempt in 1... {
            guard let error = rd_kafka_commit_transaction(producer.client.handle, Self.timeout_ms) else { return }
            if rd_kafka_error_is_retriable(error) != 0, attempt < 6 {
                rd_kafka_error_destroy(error)
                continue
            }
            try check(error, "commit a transaction")
        }
    }

    private func check(_ error: OpaquePointer?, _ what: String) throws(EventLogError) {
        guard let error else { return }
        defer { rd_kafka_error_destroy(error) }
        let text = "Kafka refuses to \(what): \(String(cString: rd_kafka_error_string(error)))"
        throw rd_kafka_error_is_fatal(error) != 0 ? .fenced(text) : .failed(text)
    }

    func close() { producer.close() }
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
