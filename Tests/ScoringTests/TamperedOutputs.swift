import EventLog
import Synchronization

/// Outputs that are not what scoring committed: what an audit has to find.
struct TamperedOutputs: OutputLog {
    let base: any OutputLog
    var scores: @Sendable ([[UInt8]]) -> [[UInt8]] = { $0 }
    var outcomes: @Sendable ([[UInt8]]) -> [[UInt8]] = { $0 }
    var position: @Sendable (String) -> String = { $0 }

    var partitionCount: Int { base.partitionCount }
    var offsetsCountRecords: Bool { base.offsetsCountRecords }

    private func values(_ stream: OutputStream, _ partition: Int) async throws(EventLogError) -> [[UInt8]] {
        let reader = try await base.reader(stream, partition: partition, from: 0)
        let values = try await reader.next(limit: 1_000_000, wait: .zero).map(\.value)
        return stream == .scores ? scores(values) : outcomes(values)
    }

    func bounds(_ stream: OutputStream, partition: Int) async throws(EventLogError) -> Range<Int64> {
        let start = try await base.bounds(stream, partition: partition).lowerBound
        return start..<(start + Int64(try await values(stream, partition).count))
    }

    func reader(
        _ stream: OutputStream, partition: Int, from offset: Int64
    ) async throws(EventLogError) -> any EventReader {
        let start = try await base.bounds(stream, partition: partition).lowerBound
        let values = try await values(stream, partition)
        return ArrayReader(
            zip(start..., values).map { StoredRecord(offset: $0, time: 0, value: $1) }.filter { $0.offset >= offset })
    }

    func position(partition: Int) async throws(EventLogError) -> String? {
        try await base.position(partition: partition).map(position)
    }
}

/// Hands out a list.
final class ArrayReader: EventReader {
    private let rest: Mutex<ArraySlice<StoredRecord>>

    init(_ records: [StoredRecord]) { rest = Mutex(records[...]) }

    func next(limit: Int, wait: Duration) async throws(EventLogError) -> [StoredRecord] {
        rest.withLock { rest in
            defer { rest = rest.dropFirst(limit) }
            return Array(rest.prefix(limit))
        }
    }
}
