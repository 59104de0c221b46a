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
        // A coordinator that has just started answers that it is not ready yet.
        try untilKnown("begin to work", since: .now) {
            rd_kafka_init_transactions(producer.client.handle, Self.timeout_ms / 2)
        }
    }

    /// One transaction.
    ///
    /// - Parameters:
    ///   - offsets: without partitions where nothing was read.
    ///   - metadata: of the group, taken anew for each transaction; freed here.
    /// - Throws: `.failed` where it was aborted and may be tried again with the same records; `.mustRejoin` where the
    ///   group has moved on or this producer is of no more use; `.fenced` where another one has its id.
    func transact(
        _ records: [(topic: String, partition: Int, key: String?, value: [UInt8])], _ offsets: Offsets,
        group metadata: OpaquePointer?
    ) throws(EventLogError) {
        defer { if let metadata { rd_kafka_consumer_group_metadata_destroy(metadata) } }
        let handle = producer.client.handle
        let begun = ContinuousClock.now
        try check(rd_kafka_begin_transaction(handle), "begin a transaction", since: begun)
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
                try untilKnown("send its offsets", since: begun) {
                    rd_kafka_send_offsets_to_transaction(handle, list, metadata, Self.timeout_ms)
                }
            }
            try untilKnown("commit a transaction", since: begun) {
                rd_kafka_commit_transaction(handle, Self.timeout_ms)
            }
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
    private func untilKnown(
        _ what: String, since begun: ContinuousClock.Instant, _ body: () -> OpaquePointer?
    ) throws(EventLogError) {
        for attempt in 1... {
            guard let error = body() else { return }
            guard rd_kafka_error_is_retriable(error) != 0, attempt < Self.maxAttempts else {
                try check(error, what, since: begun)
                return
            }
            rd_kafka_error_destroy(error)
            Thread.sleep(forTimeInterval: 0.1)
        }
    }

    private func check(
        _ error: OpaquePointer?, _ what: String, since begun: ContinuousClock.Instant
    ) throws(EventLogError) {
        guard let error else { return }
        defer { rd_kafka_error_destroy(error) }
        throw TransactionFailure.error(
            code: rd_kafka_error_code(error).rawValue, isFatal: rd_kafka_error_is_fatal(error) != 0,
            age: ContinuousClock.now - begun,
            "Kafka refuses to \(what): \(String(cString: rd_kafka_error_string(error)))")
    }

    /// Whether this producer can do no more: as a rule because another one has its id.
    var isFatal: Bool { producer.isFatal }

    /// Drops whatever is not committed. Blocks a moment.
    func discard() { producer.discard() }
}

/// What a transaction's failure means to whoever asked for it. Pure.
package enum TransactionFailure {
    /// How long brokers let a transaction stay open: `transaction.timeout.ms`.
    package static let limit = Duration.seconds(10)

    /// The group has moved on: not while this member holds its partitions can such a commit ever succeed.
    private static let groupMovedOn = [
        RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
        RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
    ].map(\.rawValue)
    /// The brokers know a younger producer of this id, or have ended this one's transaction.
    private static let epochMovedOn = [
        RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
    ].map(\.rawValue)
    private static let denied = [
        RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
    ].map(\.rawValue)

    /// - Parameters:
    ///   - code: librdkafka's `rd_kafka_resp_err_t`.
    ///   - age: since the transaction began. Brokers end one that is older than their limit, and its producer then
    ///     looks as if another had taken its id; within the limit only another can have.
    package static func error(code: Int32, isFatal: Bool, age: Duration, _ text: String) -> EventLogError {
        if code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID.rawValue { return .fenced(text) }
        if groupMovedOn.contains(code) { return .mustRejoin(text) }
        guard isFatal else { return .failed(text) }
        if epochMovedOn.contains(code) {
            return age < limit
                ? .fenced(text) : .mustRejoin("\(text); it was open for \(age), too long for the brokers")
        }
        return denied.contains(code)
            ? .unusable("\(text); allow this user what docs/kafka.md asks for") : .mustRejoin(text)
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
