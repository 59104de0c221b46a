package import EventLog
import Events
import FoundationEssentials
import Logging
import Synchronization

/// The events log as a topic. Keys choose partitions as Kafka's Java client does; a record's time is the broker's
/// append time.
struct KafkaEventLog: EventLog {
    let partitionCount: Int
    let durability = Durability.broker
    private let settings: KafkaSettings
    private let producer: KafkaProducer
    private let queries: KafkaQueries
    private let replays: KafkaReplays
    private let logger: Logger
    private let queued: Queued

    /// What may wait for delivery reports.
    static let maxQueuedRecords = 100_000
    static let maxQueuedBytes = 64 << 20

    private final class Queued: Sendable {
        private let state = Mutex((records: 0, bytes: 0, closed: false))

        func take(records: Int, bytes: Int) throws(EventLogError) {
            let refusal: EventLogError? = state.withLock { state in
                if state.closed { return .closed }
                // One that is larger than all room still passes when nothing else waits.
                if state.records > 0,
                    state.records + records > KafkaEventLog.maxQueuedRecords
                        || state.bytes + bytes > KafkaEventLog.maxQueuedBytes
                {
                    return .overloaded(retryAfter_s: 1)
                }
                state.records += records
                state.bytes += bytes
                return nil
            }
            if let refusal { throw refusal }
        }

        func give(records: Int, bytes: Int) {
            state.withLock {
                $0.records -= records
                $0.bytes -= bytes
            }
        }

        func close() { state.withLock { $0.closed = true } }
    }

    init(
        settings: KafkaSettings, partitionCount: Int, queries: KafkaQueries, logger: Logger
    ) throws(EventLogError) {
        self.settings = settings
        self.partitionCount = partitionCount
        self.queries = queries
        self.logger = logger
        producer = try KafkaProducer(settings.producer, overriding: settings.properties, logger: logger)
        replays = KafkaReplays(settings: settings, partitionCount: partitionCount, logger: logger)
        queued = Queued()
    }

    private var events: String { settings.name(of: .events) }

    private func send(
        _ records: [(key: String?, value: [UInt8], partition: Int)], topic: String
    ) async throws(EventLogError) -> [Location] {
        let bytes = records.reduce(0) { $0 + $1.value.count }
        try queued.take(records: records.count, bytes: bytes)
        defer { queued.give(records: records.count, bytes: bytes) }
        return try await producer.send(records, topic: topic)
    }

    func append(_ records: [NewRecord]) async throws(EventLogError) -> [AppendVerdict] {
        for record in records where record.value.count > EventLimits.recordBytes {
            throw .tooLarge(bytes: record.value.count, limit: EventLimits.recordBytes)
        }
        let partitioned = records.map { record in
            (
                key: Optional(record.key), value: record.value,
                partition: Partitioner.partition(ofKey: record.key, count: partitionCount)
            )
        }
        return try await send(partitioned, topic: events).map { .stored($0) }
    }

    func append(_ rows: [ReplayRow], ofReplay name: String) async throws(EventLogError) -> ReplayAppended {
        let bytes = rows.reduce(0) { sum, row in
            switch row.content {
            case .event(let record): sum + record.value.count
            case .rejected(let record): sum + record.bytes.count
            }
        }
        try queued.take(records: rows.count, bytes: bytes)
        defer { queued.give(records: rows.count, bytes: bytes) }
        return try await replays.append(rows, ofReplay: name)
    }

    func endReplay(_ name: String) async throws(EventLogError) { try await replays.end(name) }

    func replayMark(_ name: String) async throws(EventLogError) -> ReplayMark? { try await replays.mark(of: name) }

    func appendTick(partition: Int) async throws(EventLogError) {
        precondition((0..<partitionCount).contains(partition), "KafkaEventLog.appendTick: no partition \(partition)")
        _ = try await send([(nil, RecordCoder.tick, partition)], topic: events)
    }

    func reject(_ records: [RejectedRecord]) async throws(EventLogError) {
        _ = try await send(
            records.map { (nil, RejectedRecordCoder.encode($0), 0) }, topic: settings.name(of: .rejected))
    }

    /// Numbers are offsets of the topic's only partition in use: they rise, with gaps where a replay's transaction
    /// ended.
    func rejected(from number: Int64, limit: Int) async throws(EventLogError) -> [RejectedRecord] {
        let bounds = try await queries.bounds(settings.name(of: .rejected), partition: 0)
        let reader = try KafkaReader(
            topic: settings.name(of: .rejected), partition: 0, from: max(number, bounds.lowerBound),
            settings: settings, logger: logger)
        var records: [RejectedRecord] = []
        while records.count < limit {
            let batch = try await reader.next(limit: limit - records.count, wait: .zero)
            if batch.isEmpty { break }
            for record in batch { records.append(try RejectedRecordCoder.decode(record)) }
        }
        return records
    }

    func rejectedCount() async throws(EventLogError) -> Int64 {
        try await queries.bounds(settings.name(of: .rejected), partition: 0).upperBound
    }

    func bounds(partition: Int) async throws(EventLogError) -> Range<Int64> {
        try await queries.bounds(events, partition: partition)
    }

    func firstOffset(partition: Int, atOrAfter time: Int64) async throws(EventLogError) -> Int64 {
        if let offset = try await queries.offset(events, partition: partition, atOrAfter: time) { return offset }
        return try await bounds(partition: partition).upperBound
    }

    func reader(partition: Int, from offset: Int64) async throws(EventLogError) -> any EventReader {
        try KafkaReader(topic: events, partition: partition, from: offset, settings: settings, logger: logger)
    }

    func close() async {
        queued.close()
        await replays.close()
        await BlockingQueue("close").run { [producer] in producer.close() }
    }
}

/// A rejected input as one JSON object: `{"time":…,"source":…,"reason":…,"line":…,"bytes":BASE64}`.
package enum RejectedRecordCoder {
    private struct Wire: Codable {
        var time: Int64
        var source: String
        var reason: String
        var line: Int?
        var bytes: Data
    }

    package static func encode(_ record: RejectedRecord) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let wire = Wire(
            time: record.time, source: record.source, reason: record.reason, line: record.line,
            bytes: Data(record.bytes))
        do { return [UInt8](try encoder.encode(wire)) } catch {
            preconditionFailure("RejectedRecordCoder.encode: \(error)")
        }
    }

    package static func decode(_ record: StoredRecord) throws(EventLogError) -> RejectedRecord {
        do {
            let wire = try JSONDecoder().decode(Wire.self, from: Data(record.value))
            return RejectedRecord(
                time: wire.time, source: wire.source, reason: wire.reason, line: wire.line, bytes: wire.bytes)
        } catch {
            throw .failed("rejected input at offset \(record.offset) cannot be read: \(error)")
        }
    }
}
