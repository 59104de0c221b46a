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
    private let producer: LiveProducer
    private let queries: KafkaQueries
    private let replays: KafkaReplays
    private let rejectedTopic: KafkaRejected
    private let logger: Logger
    private let queued: Queued

    /// What may wait for delivery reports.
    static let maxQueuedRecords = 100_000
    static let maxQueuedBytes = 64 << 20

    /// What waits for its delivery, counted.
    private final class Queued: Sendable {
        private struct State {
            var records = 0
            var bytes = 0
            var closed = false
            var closing: [CheckedContinuation<Void, Never>] = []
        }

        private let state = Mutex(State())

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
            let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
                state.records -= records
                state.bytes -= bytes
                guard state.records == 0 else { return [] }
                defer { state.closing = [] }
                return state.closing
            }
            for waiter in waiting { waiter.resume() }
        }

        /// Refuses what comes from now on and returns when nothing waits any more.
        func close() async {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    state.closed = true
                    if state.records == 0 { return true }
                    state.closing.append(continuation)
                    return false
                }
                if isDone { continuation.resume() }
            }
        }
    }

    init(
        settings: KafkaSettings, partitionCount: Int, queries: KafkaQueries, logger: Logger
    ) throws(EventLogError) {
        self.settings = settings
        self.partitionCount = partitionCount
        self.queries = queries
        self.logger = logger
        producer = try LiveProducer(settings: settings, logger: logger)
        replays = KafkaReplays(settings: settings, partitionCount: partitionCount, logger: logger)
        rejectedTopic = KafkaRejected(settings: settings, queries: queries, logger: logger)
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

    func endReplay(_ name: String) async throws(EventLogError) {
        try queued.take(records: partitionCount, bytes: 0)
        defer { queued.give(records: partitionCount, bytes: 0) }
        try await replays.end(name)
    }

    func replayMark(_ name: String) async throws(EventLogError) -> ReplayMark? { try await replays.mark(of: name) }

    func appendTick(partition: Int) async throws(EventLogError) {
        precondition((0..<partitionCount).contains(partition), "KafkaEventLog.appendTick: no partition \(partition)")
        _ = try await send([(nil, RecordCoder.tick, partition)], topic: events)
    }

    func reject(_ records: [RejectedRecord]) async throws(EventLogError) {
        _ = try await send(
            records.map { (nil, RejectedRecordCoder.encode($0), 0) }, topic: settings.name(of: .rejected))
    }

    func rejected(from number: Int64, limit: Int) async throws(EventLogError) -> [RejectedRecord] {
        try await rejectedTopic.records(from: number, limit: limit)
    }

    func rejectedCount() async throws(EventLogError) -> Int64 { try await rejectedTopic.count() }

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
        // Reports come within `message.timeout.ms`, so this ends.
        await queued.close()
        await replays.close()
        await producer.close()
    }
}

/// A rejected input as one JSON object: `{"time":…,"source":…,"reason":…,"line":…,"bytes":BASE64}`, with `partition` and
/// `offset` where it stands on the events topic.
package enum RejectedRecordCoder {
    private struct Wire: Codable {
        var time: Int64
        var source: String
        var reason: String
        var line: Int?
        /// For whoever reads the topic; `source` says the same.
        var partition: Int?
        var offset: Int64?
        var bytes: Data
    }

    package static func encode(_ record: RejectedRecord) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let wire = Wire(
            time: record.time, source: record.source, reason: record.reason, line: record.line,
            partition: record.location?.partition, offset: record.location?.offset, bytes: Data(record.bytes))
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
