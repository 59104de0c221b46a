import EventLog
import ServiceLifecycle

/// A bounded stretch of one partition of an output stream, which the log is known to hold.
struct OutputRange: Sendable {
    let stream: OutputStream
    let partition: Int
    /// Output offsets.
    let offsets: Range<Int64>

    /// How long a reader may take to bring records that are there.
    private static let wait = Duration.seconds(5)
    /// Offsets at the end that may carry no record, as Kafka's transaction markers do.
    private static let markers: Int64 = 2

    /// Hands the records over in runs of at most a thousand.
    ///
    /// - Throws: `EventLogError.failed` where records that must be there do not come, `CancellationError` at a shutdown:
    ///   whoever reads must not believe that it has had everything.
    func read(
        _ outputs: any OutputLog, _ body: ([StoredRecord]) async throws -> Void
    ) async throws {
        let reader = try await outputs.reader(stream, partition: partition, from: offsets.lowerBound)
        var next = offsets.lowerBound
        while next < offsets.upperBound {
            if Task.isShuttingDownGracefully { throw CancellationError() }
            let limit = Int(min(1_000, offsets.upperBound - next))
            let records = try await reader.next(limit: limit, wait: Self.wait)
            guard let last = records.last else {
                if offsets.upperBound - next <= Self.markers { return }
                throw EventLogError.failed(
                    "\(stream.rawValue) of partition \(partition) end at offset \(next), not \(offsets.upperBound)")
            }
            next = last.offset + 1
            try await body(records.filter { $0.offset < offsets.upperBound })
        }
    }
}
