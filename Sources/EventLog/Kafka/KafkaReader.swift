import CRDKafka
import EventLog
import Logging
import Synchronization

/// Reads one partition of a topic from an offset on, committed records only. A consumer of its own that is in no group.
final class KafkaReader: EventReader {
    private let topic: String
    private let partition: Int
    private let client: KafkaClient
    private let queue = BlockingQueue("reader")
    private let state: Mutex<State>

    private struct State {
        /// Everything before it has been given out, or is no record.
        var next: Int64
        /// The broker has said that nothing follows.
        var atEnd = false
    }

    /// How long a broker may take to say what it has.
    private static let patience = Duration.seconds(10)
    private static let maxBytes = 8 << 20

    init(topic: String, partition: Int, from offset: Int64, settings: KafkaSettings, logger: Logger)
        throws(EventLogError)
    {
        self.topic = topic
        self.partition = partition
        client = try KafkaClient(
            .consumer, settings.reader(group: "\(settings.topicPrefix)-readers"), overriding: settings.properties,
            context: CallbackContext(logger: logger))
        state = Mutex(State(next: offset))
        guard let list = rd_kafka_topic_partition_list_new(1) else {
            preconditionFailure("KafkaReader.init: no memory")
        }
        defer { rd_kafka_topic_partition_list_destroy(list) }
        TopicPartitions.add(list, topic, partition, offset: offset)
        let code = rd_kafka_assign(client.handle, list)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw .failed("\(topic) partition \(partition) cannot be read: \(KafkaClient.text(code))")
        }
    }

    func next(limit: Int, wait: Duration) async throws(EventLogError) -> [StoredRecord] {
        let cancelled = Flag()
        let result: Result<[StoredRecord], EventLogError> = await withTaskCancellationHandler {
            do throws(EventLogError) {
                return .success(
                    try await queue.run { [self] () throws(EventLogError) in
                        try read(limit: limit, wait: wait, cancelled)
                    })
            } catch {
                return .failure(error)
            }
        } onCancel: {
            cancelled.value.store(true, ordering: .relaxed)
        }
        return try result.get()
    }

    private final class Flag: Sendable { let value = Atomic(false) }

    private func read(limit: Int, wait: Duration, _ cancelled: Flag) throws(EventLogError) -> [StoredRecord] {
        let started = ContinuousClock.now
        var records: [StoredRecord] = []
        var bytes = 0
        // Where the partition ended when there was nothing to wait for any more.
        var end: Int64?
        while records.count < limit, bytes < Self.maxBytes {
            if let record = try poll(timeout_ms: 0) {
                bytes += record.value.count
                records.append(record)
                continue
            }
            if !records.isEmpty || cancelled.value.load(ordering: .relaxed) { break }
            let waited = ContinuousClock.now - started
            let state = state.withLock { $0 }
            if waited >= wait {
                // Not to be fetched yet is not the same as not to be there: the broker is asked.
                if wait > .zero, state.atEnd { break }
                if end == nil { end = try self.end() }
                if let end, state.next >= end { break }
                if waited >= wait + Self.patience {
                    throw .failed(
                        "\(topic) partition \(partition): its records do not come, up to \(end ?? 0) they are there")
                }
            }
            let left = waited >= wait ? .milliseconds(50) : min(.milliseconds(50), wait - waited)
            if let record = try poll(timeout_ms: Int32(max(1, left / .milliseconds(1)))) {
                bytes += record.value.count
                records.append(record)
            }
        }
        return records
    }

    /// Where the committed records end.
    private func end() throws(EventLogError) -> Int64 {
        var (low, high): (Int64, Int64) = (0, 0)
        let code = rd_kafka_query_watermark_offsets(
            client.handle, topic, Int32(partition), &low, &high, Int32(Self.patience / .milliseconds(1)))
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw .failed("\(topic) partition \(partition): no broker answers (\(KafkaClient.text(code)))")
        }
        return high
    }

    /// The next record; `nil` where none came in time or the end was reached.
    private func poll(timeout_ms: Int32) throws(EventLogError) -> StoredRecord? {
        guard let message = rd_kafka_consumer_poll(client.handle, timeout_ms) else { return nil }
        defer { rd_kafka_message_destroy(message) }
        switch message.pointee.err {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
            let record = StoredRecord(message.pointee, message)
            state.withLock { $0 = State(next: record.offset + 1) }
            return record
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            // Its offset is behind transaction markers, which are no records.
            state.withLock { $0 = State(next: max($0.next, message.pointee.offset), atEnd: true) }
            return nil
        // The client tries again by itself.
        case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN: return nil
        case let code:
            throw .failed("reading \(topic) partition \(partition): \(KafkaClient.text(code))")
        }
    }
}

extension StoredRecord {
    init(_ message: rd_kafka_message_t, _ pointer: UnsafePointer<rd_kafka_message_t>) {
        var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let time = rd_kafka_message_timestamp(pointer, &type)
        let value = message.payload.map { Array(UnsafeRawBufferPointer(start: $0, count: message.len)) } ?? []
        self.init(offset: message.offset, time: max(0, time), value: value)
    }
}
