import CRDKafka
public import EventLog

/// Reads all partitions of a topic from their beginnings, committed records only, through no code of the product's.
/// Used by one thread.
public final class RawReader {
    /// A record, or that all records of a partition have been read for now.
    public enum Item {
        case record(partition: Int, offset: Int64, key: [UInt8]?, value: [UInt8])
        /// The next offset; behind the last record where transaction markers follow it.
        case end(partition: Int, next: Int64)
    }

    private let client: RawClient
    private let topic: String
    private let partitions: Int

    /// - Parameter fromEnd: only what is committed from now on.
    public init(_ topic: String, partitions: Int, brokers: String, fromEnd: Bool = false) throws(EventLogError) {
        self.topic = topic
        self.partitions = partitions
        client = try RawClient(
            RD_KAFKA_CONSUMER,
            [
                "bootstrap.servers": brokers, "group.id": "\(topic)-witness", "enable.auto.commit": "false",
                "isolation.level": "read_committed", "enable.partition.eof": "true", "fetch.wait.max.ms": "50",
                "auto.offset.reset": "error", "allow.auto.create.topics": "false",
            ])
        guard let list = rd_kafka_topic_partition_list_new(Int32(partitions)) else {
            preconditionFailure("RawReader.init: no memory")
        }
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for partition in 0..<partitions {
            rd_kafka_topic_partition_list_add(list, topic, Int32(partition)).pointee.offset =
                fromEnd ? Self.end : Self.beginning
        }
        let code = rd_kafka_assign(client.handle, list)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw .unusable("\(topic): \(RawClient.text(code))") }
    }

    // RD_KAFKA_OFFSET_BEGINNING and RD_KAFKA_OFFSET_END: macros, which are not imported.
    private static let beginning: Int64 = -2
    private static let end: Int64 = -1

    deinit { rd_kafka_consumer_close(client.handle) }

    /// The next thing, `nil` where nothing came within the time. Brokers that go away are waited for.
    public func next(timeout_ms: Int) throws(EventLogError) -> Item? {
        guard let message = rd_kafka_consumer_poll(client.handle, Int32(timeout_ms)) else { return nil }
        defer { rd_kafka_message_destroy(message) }
        let partition = Int(message.pointee.partition)
        switch message.pointee.err {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
            return .record(
                partition: partition, offset: message.pointee.offset,
                key: message.pointee.key.map {
                    Array(UnsafeRawBufferPointer(start: $0, count: message.pointee.key_len))
                },
                value: message.pointee.payload.map {
                    Array(UnsafeRawBufferPointer(start: $0, count: message.pointee.len))
                } ?? [])
        case RD_KAFKA_RESP_ERR__PARTITION_EOF: return .end(partition: partition, next: message.pointee.offset)
        case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__RESOLVE,
            RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
            RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
            // The client asks again by itself.
            return nil
        case let code: throw .failed("reading \(topic) partition \(partition): \(RawClient.text(code))")
        }
    }

    /// Up to which offset each partition holds committed records; asks the brokers, `nil` where they do not answer.
    public func ends(timeout_ms: Int = 5_000) -> [Int64]? {
        var ends: [Int64] = []
        for partition in 0..<partitions {
            var (low, high): (Int64, Int64) = (0, 0)
            let code = rd_kafka_query_watermark_offsets(
                client.handle, topic, Int32(partition), &low, &high, Int32(timeout_ms))
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
            ends.append(high)
        }
        return ends
    }
}

/// What a group has committed of a topic: next offset and metadata of every partition.
public struct CommittedOffsets: Sendable {
    private let client: RawClient
    private let topic: String
    private let partitions: Int

    public init(group: String, topic: String, partitions: Int, brokers: String) throws(EventLogError) {
        self.topic = topic
        self.partitions = partitions
        client = try RawClient(
            RD_KAFKA_CONSUMER,
            [
                "bootstrap.servers": brokers, "group.id": group, "enable.auto.commit": "false",
                "isolation.level": "read_committed",
            ])
    }

    /// `nil` where the brokers do not answer, or where a transaction is still open; a partition's is `nil` where
    /// nothing was committed.
    public func fetch(timeout_ms: Int = 5_000) -> [(next: Int64, metadata: String)?]? {
        guard let list = rd_kafka_topic_partition_list_new(Int32(partitions)) else {
            preconditionFailure("CommittedOffsets.fetch: no memory")
        }
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for partition in 0..<partitions { rd_kafka_topic_partition_list_add(list, topic, Int32(partition)) }
        guard rd_kafka_committed(client.handle, list, Int32(timeout_ms)) == RD_KAFKA_RESP_ERR_NO_ERROR else {
            return nil
        }
        var result = [(next: Int64, metadata: String)?](repeating: nil, count: partitions)
        for index in 0..<Int(list.pointee.cnt) {
            let element = list.pointee.elems[index]
            guard element.err == RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
            guard element.offset >= 0 else { continue }
            let metadata = element.metadata.map {
                String(decoding: UnsafeRawBufferPointer(start: $0, count: element.metadata_size), as: UTF8.self)
            }
            result[Int(element.partition)] = (element.offset, metadata ?? "")
        }
        return result
    }
}
