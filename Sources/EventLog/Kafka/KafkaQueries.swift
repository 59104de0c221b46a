import CRDKafka
import EventLog
import Foundation
import Logging

/// What can be asked of a cluster about topics, offsets and a group's commits. Calls wait on a thread of their own.
struct KafkaQueries: Sendable {
    let client: KafkaClient
    private let queue: BlockingQueue
    private let brokers: String
    static let timeout_ms: Int32 = 10_000
    /// How long a committed position may be uncertain: longer than brokers take to end a transaction left open.
    private static let patience = Duration.seconds(40)

    /// - Parameter group: whose commits are asked for.
    init(settings: KafkaSettings, group: String, logger: Logger) throws(EventLogError) {
        client = try KafkaClient(
            .consumer, settings.reader(group: group), overriding: settings.properties,
            context: CallbackContext(logger: logger))
        queue = BlockingQueue("queries")
        brokers = settings.brokers
    }

    func bounds(_ topic: String, partition: Int) async throws(EventLogError) -> Range<Int64> {
        try await queue.run { [client] () throws(EventLogError) in
            var (low, high): (Int64, Int64) = (0, 0)
            let code = rd_kafka_query_watermark_offsets(
                client.handle, topic, Int32(partition), &low, &high, Self.timeout_ms)
            try Self.check(code, "the bounds of \(topic) partition \(partition)")
            return low..<max(low, high)
        }
    }

    /// The first offset at or after a time; `nil` where there is none.
    func offset(_ topic: String, partition: Int, atOrAfter time: Int64) async throws(EventLogError) -> Int64? {
        try await queue.run { [client] () throws(EventLogError) in
            try Self.withList { list throws(EventLogError) in
                TopicPartitions.add(list, topic, partition, offset: time)
                let code = rd_kafka_offsets_for_times(client.handle, list, Self.timeout_ms)
                try Self.check(code, "the offset of a time in \(topic) partition \(partition)")
                try Self.check(list.pointee.elems[0].err, "the offset of a time in \(topic) partition \(partition)")
                let offset = list.pointee.elems[0].offset
                return offset >= 0 ? offset : nil
            }
        }
    }

    /// What the group has committed of a partition; `nil` where nothing.
    func committed(
        _ topic: String, partition: Int
    ) async throws(EventLogError) -> (offset: Int64, metadata: String)? {
        try await queue.run { [client] () throws(EventLogError) in
            try Self.withList { list throws(EventLogError) in
                TopicPartitions.add(list, topic, partition)
                // A coordinator that has just started reads its log first, and a transaction that a killed process
                // left open stands in the way until the brokers end it.
                let deadline = ContinuousClock.now + Self.patience
                var code = rd_kafka_committed(client.handle, list, Self.timeout_ms)
                while Self.isPassing(code) || Self.isPassing(list.pointee.elems[0].err),
                    ContinuousClock.now < deadline
                {
                    Thread.sleep(forTimeInterval: 0.1)
                    list.pointee.elems[0].err = RD_KAFKA_RESP_ERR_NO_ERROR
                    code = rd_kafka_committed(client.handle, list, Self.timeout_ms)
                }
                try Self.check(code, "the committed position of \(topic) partition \(partition)")
                let element = list.pointee.elems[0]
                try Self.check(element.err, "the committed position of \(topic) partition \(partition)")
                guard element.offset >= 0 else { return nil }
                let metadata = element.metadata.map {
                    String(decoding: UnsafeRawBufferPointer(start: $0, count: element.metadata_size), as: UTF8.self)
                }
                // Offsets that were reset by hand carry none: such a partition begins anew.
                guard let metadata, !metadata.isEmpty else { return nil }
                return (element.offset, metadata)
            }
        }
    }

    private static func withList<Result>(
        _ body: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) throws(EventLogError) -> Result
    ) throws(EventLogError) -> Result {
        guard let list = rd_kafka_topic_partition_list_new(1) else {
            preconditionFailure("KafkaQueries.withList: no memory")
        }
        defer { rd_kafka_topic_partition_list_destroy(list) }
        return try body(list)
    }

    private static func isPassing(_ code: rd_kafka_resp_err_t) -> Bool {
        [
            RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__WAIT_COORD,
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT,
        ].contains(code)
    }

    private static func check(_ code: rd_kafka_resp_err_t, _ what: String) throws(EventLogError) {
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw .failed("Kafka does not tell \(what): \(KafkaClient.text(code))")
        }
    }
}
