import CRDKafka
public import EventLog

/// Writes records as a foreign producer would: any bytes, with or without a key.
public final class RawProducer {
    private let client: RawClient
    private let topic: OpaquePointer

    public init(_ topic: String, brokers: String) throws(EventLogError) {
        let client = try RawClient(
            RD_KAFKA_PRODUCER,
            [
                "bootstrap.servers": brokers, "acks": "all", "enable.idempotence": "true",
                "partitioner": "murmur2_random", "message.max.bytes": "2000000", "linger.ms": "5",
            ])
        guard let handle = rd_kafka_topic_new(client.handle, topic, nil) else {
            throw .unusable("\(topic) is no topic")
        }
        self.client = client
        self.topic = handle
    }

    deinit { rd_kafka_topic_destroy(topic) }

    // RD_KAFKA_PARTITION_UA, a macro with a cast: the partitioner chooses.
    private static let anyPartition: Int32 = -1

    /// Hands a record to the client; `flush` waits for its delivery.
    ///
    /// - Throws: `.failed` where it is refused at once.
    public func produce(key: String?, value: [UInt8], partition: Int? = nil) throws(EventLogError) {
        var value = value
        let code: Int32
        if var key = key.map({ Array($0.utf8) }) {
            code = rd_kafka_produce(
                topic, partition.map(Int32.init) ?? Self.anyPartition, RD_KAFKA_MSG_F_COPY, &value, value.count, &key,
                key.count, nil)
        } else {
            code = rd_kafka_produce(
                topic, partition.map(Int32.init) ?? Self.anyPartition, RD_KAFKA_MSG_F_COPY, &value, value.count, nil, 0,
                nil)
        }
        if code != 0 { throw .failed("not taken: \(RawClient.text(rd_kafka_last_error()))") }
        rd_kafka_poll(client.handle, 0)
    }

    /// As `produce`, but waits for room where the client's buffer is full.
    public func produceWaiting(key: String?, value: [UInt8]) throws(EventLogError) {
        var attempts = 0
        while true {
            do throws(EventLogError) { return try produce(key: key, value: value) } catch {
                attempts += 1
                guard rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL, attempts < 3_000 else { throw error }
                rd_kafka_poll(client.handle, 10)
            }
        }
    }

    /// Waits until all is delivered or given up.
    ///
    /// - Throws: `.failed` where something is left after the time.
    public func flush(timeout_ms: Int = 30_000) throws(EventLogError) {
        let code = rd_kafka_flush(client.handle, Int32(timeout_ms))
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw .failed("not delivered: \(RawClient.text(code))") }
    }
}
