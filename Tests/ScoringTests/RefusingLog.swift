import EventLog
import Synchronization

/// A log that does not keep rejected input at first, says in which order it was asked, and lets something happen before
/// it is read.
final class RefusingLog: EventLog {
    let inner: any EventLog
    private let refusals: Mutex<[EventLogError]>
    private let kept = Mutex<[RejectedRecord]>([])

    private let willRead: @Sendable () async throws(EventLogError) -> Void

    init(
        _ inner: any EventLog, refusals: [EventLogError] = [],
        willRead: @escaping @Sendable () async throws(EventLogError) -> Void = {}
    ) {
        self.inner = inner
        self.willRead = willRead
        self.refusals = Mutex(refusals)
    }

    var rejected: [RejectedRecord] { kept.withLock { $0 } }
    var refusalsLeft: Int { refusals.withLock { $0.count } }

    func reject(_ records: [RejectedRecord]) async throws(EventLogError) {
        if let refusal = refusals.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { throw refusal }
        kept.withLock { $0 += records }
        try await inner.reject(records)
    }

    var partitionCount: Int { inner.partitionCount }
    var durability: Durability { inner.durability }

    func append(_ records: [NewRecord]) async throws(EventLogError) -> [AppendVerdict] {
        try await inner.append(records)
    }

    func append(_ rows: [ReplayRow], ofReplay name: String) async throws(EventLogError) -> ReplayAppended {
        try await inner.append(rows, ofReplay: name)
    }

    func endReplay(_ name: String) async throws(EventLogError) { try await inner.endReplay(name) }

    func replayMark(_ name: String) async throws(EventLogError) -> ReplayMark? { try await inner.replayMark(name) }

    func appendTick(partition: Int) async throws(EventLogError) { try await inner.appendTick(partition: partition) }

    func rejected(from number: Int64, limit: Int) async throws(EventLogError) -> [RejectedRecord] {
        try await inner.rejected(from: number, limit: limit)
    }

    func rejectedCount() async throws(EventLogError) -> Int64 { try await inner.rejectedCount() }

    func bounds(partition: Int) async throws(EventLogError) -> Range<Int64> {
        try await inner.bounds(partition: partition)
    }

    func firstOffset(partition: Int, atOrAfter time: Int64) async throws(EventLogError) -> Int64 {
        try await inner.firstOffset(partition: partition, atOrAfter: time)
    }

    func reader(partition: Int, from offset: Int64) async throws(EventLogError) -> any EventReader {
        try await willRead()
        return try await inner.reader(partition: partition, from: offset)
    }

    func close() async { await inner.close() }
}
