import EventLog

/// A bounded stretch of one partition of an output stream.
struct OutputRange: Sendable {
    let stream: OutputStream
    let partition: Int
    /// Output offsets; must lie before the end that the stream has.
    let offsets: Range<Int64>

    /// How long a reader may take to bring records that are there. Offsets without a record, as Kafka's transaction
    /// markers are, never come.
    private static let wait = Duration.seconds(2)

    /// Hands the records over in runs of at most a thousand.
    func read(
        _ outputs: any OutputLog, _ body: ([StoredRecord]) async throws -> Void
    ) async throws {
        guard !offsets.isEmpty else { return }
        let reader = try await outputs.reader(stream, partition: partition, from: offsets.lowerBound)
        var next = offsets.lowerBound
        while next < offsets.upperBound {
            let limit = Int(min(1_000, offsets.upperBound - next))
            let records = try await reader.next(limit: limit, wait: Self.wait)
            guard let last = records.last else { return }
            next = last.offset + 1
            try await body(records.filter { $0.offset < offsets.upperBound })
        }
    }
}
