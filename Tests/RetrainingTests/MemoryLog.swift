import EventLog
import Events
import Synchronization

/// A log of given records, for reading alone; as on Kafka, its partitions may have lost their beginning.
struct MemoryLog: EventLog {
    var partitions: [[StoredRecord]]
    var partitionCount: Int { partitions.count }
    let durability = Durability.fsync

    /// A partition of one replay's events, in the order given, from an offset on.
    static func partition(_ events: [Event], replay: String = "r", ended: Bool = false, from offset: Int64 = 0)
        -> [StoredRecord]
    {
        var values = events.map { RecordCoder.encode($0, timeline: .replay(replay), received: 0) }
        if ended { values.append(RecordCoder.encodeEnd(replay: replay)) }
        return values.enumerated().map { StoredRecord(offset: offset + Int64($0), time: 0, value: $1) }
    }

    func bounds(partition: Int) async throws(EventLogError) -> Range<Int64> {
        guard let first = partitions[partition].first, let last = partitions[partition].last else { return 0..<0 }
        return first.offset..<(last.offset + 1)
    }

    func reader(partition: Int, from offset: Int64) async throws(EventLogError) -> any EventReader {
        Reader(partitions[partition].drop { $0.offset < offset })
    }

    private final class Reader: EventReader {
        private let rest: Mutex<ArraySlice<StoredRecord>>

        init(_ records: ArraySlice<StoredRecord>) { rest = Mutex(records) }

        func next(limit: Int, wait: Duration) async throws(EventLogError) -> [StoredRecord] {
            rest.withLock { rest in
                let records = Array(rest.prefix(limit))
                rest = rest.dropFirst(limit)
                return records
            }
        }
    }

    private var readOnly: EventLogError { .unusable("this log is for reading") }

    func append(_ records: [NewRecord]) async throws(EventLogError) -> [AppendVerdict] { throw readOnly }
    func append(_ rows: [ReplayRow], ofReplay name: String) async throws(EventLogError) -> ReplayAppended {
        throw readOnly
    }
    func endReplay(_ name: String) async throws(EventLogError) { throw readOnly }
    func replayMark(_ name: String) async throws(EventLogError) -> ReplayMark? { throw readOnly }
    func appendTick(partition: Int) async throws(EventLogError) { throw readOnly }
    func reject(_ records: [RejectedRecord]) async throws(EventLogError) { throw readOnly }
    func rejected(from number: Int64, limit: Int) async throws(EventLogError) -> [RejectedRecord] { throw readOnly }
    func rejectedCount() async throws(EventLogError) -> Int64 { throw readOnly }
    func firstOffset(partition: Int, atOrAfter time: Int64) async throws(EventLogError) -> Int64 { throw readOnly }
    func close() async {}
}
