import DequeModule
package import EventLog
import Synchronization

/// The newest committed records of one partition of a table, for readers that have caught up with it: what was written
/// a moment ago they need not ask SQLite for, nor whether there is anything new. (Measured with posts of one event over
/// 64 connections; `docs/decisions/15-commits-and-their-threads.md` has the figures.)
///
/// Invariant: what it holds is committed, has no gap, and ends with the partition's newest record; or it holds nothing.
package final class NewestRecords: Sendable {
    /// What one transaction brought to the partition.
    package struct Run: Sendable {
        private(set) var records: [StoredRecord] = []
        private(set) var bytes = 0
        /// The offset behind the last.
        private(set) var end: Int64?

        package init() {}

        package mutating func append(_ record: StoredRecord) {
            end = record.offset + 1
            if records.count > NewestRecords.maxRecords || bytes > NewestRecords.maxBytes { return }
            records.append(record)
            bytes += record.value.count
        }

        fileprivate var fits: Bool {
            records.count <= NewestRecords.maxRecords && bytes <= NewestRecords.maxBytes
        }
    }

    private struct State {
        var runs: Deque<Run> = []
        var records = 0
        var bytes = 0
        /// `nil`: where the partition ends is not known here.
        var end: Int64?

        mutating func clear() { self = State() }
    }

    package static let maxRecords = 2_000
    package static let maxBytes = 512 << 10

    private let state = Mutex(State())

    package init() {}

    /// Takes what has been committed; to be called before anybody is told of it.
    package func append(_ run: Run) {
        guard let first = run.records.first?.offset, let end = run.end else { return }
        state.withLock { state in
            // Somebody else has committed, too.
            if let end = state.end, first < end { return state.clear() }
            if state.end != first || !run.fits { state.clear() }
            state.end = end
            guard run.fits else { return }
            state.runs.append(run)
            state.records += run.records.count
            state.bytes += run.bytes
            while state.records > Self.maxRecords || state.bytes > Self.maxBytes {
                let oldest = state.runs.removeFirst()
                state.records -= oldest.records.count
                state.bytes -= oldest.bytes
            }
        }
    }

    /// Nothing is known any more: a commit failed, or records were removed.
    package func clear() { state.withLock { $0.clear() } }

    /// The records from an offset on, none where that is the end; `nil` where only the table can tell.
    package func records(from offset: Int64, limit: Int) -> [StoredRecord]? {
        state.withLock { state in
            guard let end = state.end, offset <= end else { return nil }
            if offset == end { return [] }
            guard let oldest = state.runs.first?.records.first?.offset, oldest <= offset else { return nil }
            // Who has caught up wants the last run or two.
            var index = state.runs.endIndex - 1
            while state.runs[index].records[0].offset > offset { index -= 1 }
            var records = Array(
                state.runs[index].records.dropFirst(Int(offset - state.runs[index].records[0].offset)).prefix(limit))
            while records.count < limit, index + 1 < state.runs.endIndex {
                index += 1
                records += state.runs[index].records.prefix(limit - records.count)
            }
            return records
        }
    }
}

/// Those of every partition of both output streams.
struct NewestOutputs: Sendable {
    private let scores: [NewestRecords]
    private let outcomes: [NewestRecords]

    init(partitionCount: Int) {
        scores = (0..<partitionCount).map { _ in NewestRecords() }
        outcomes = (0..<partitionCount).map { _ in NewestRecords() }
    }

    subscript(_ stream: OutputStream, _ partition: Int) -> NewestRecords {
        switch stream {
        case .scores: scores[partition]
        case .outcomes: outcomes[partition]
        }
    }

    func clear() { for newest in scores + outcomes { newest.clear() } }
}
