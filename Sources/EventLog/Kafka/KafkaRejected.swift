import EventLog
import Logging

/// Numbers the records of `rejected`: offsets have holes where a replay's transaction ended, numbers have none.
///
/// What has been counted is remembered by every 1,024th record's offset, so that a page is found without reading all
/// that comes before it. Only partition 0 is in use.
actor KafkaRejected {
    private let settings: KafkaSettings
    private let queries: KafkaQueries
    private let logger: Logger
    /// Offset of record `index * stride`.
    private var landmarks: [Int64] = []
    private var counted: Int64 = 0
    /// The first offset not counted yet.
    private var next: Int64 = 0
    private static let stride: Int64 = 1_024

    init(settings: KafkaSettings, queries: KafkaQueries, logger: Logger) {
        self.settings = settings
        self.queries = queries
        self.logger = logger
    }

    private var topic: String { settings.name(of: .rejected) }

    func count() async throws(EventLogError) -> Int64 {
        let bounds = try await queries.bounds(topic, partition: 0)
        guard bounds.upperBound > next else { return counted }
        let reader = try reader(from: max(next, bounds.lowerBound))
        while true {
            let from = next
            let records = try await reader.next(limit: 1_000, wait: .zero)
            // Another call has counted while this one waited.
            guard from == next else { return try await count() }
            guard let last = records.last else { break }
            for record in records {
                if counted % Self.stride == 0 { landmarks.append(record.offset) }
                counted += 1
            }
            next = last.offset + 1
        }
        // What is left is no record.
        next = max(next, bounds.upperBound)
        return counted
    }

    func records(from number: Int64, limit: Int) async throws(EventLogError) -> [RejectedRecord] {
        guard limit > 0, number < (try await count()) else { return [] }
        let number = max(0, number)
        let reader = try reader(from: landmarks[Int(number / Self.stride)])
        var toSkip = Int(number % Self.stride)
        var records: [RejectedRecord] = []
        while records.count < limit {
            let batch = try await reader.next(limit: min(toSkip + limit - records.count, 1_000), wait: .zero)
            if batch.isEmpty { break }
            for record in batch.dropFirst(toSkip) { records.append(try RejectedRecordCoder.decode(record)) }
            toSkip = max(0, toSkip - batch.count)
        }
        return records
    }

    private func reader(from offset: Int64) throws(EventLogError) -> KafkaReader {
        try KafkaReader(topic: topic, partition: 0, from: offset, settings: settings, logger: logger)
    }
}
