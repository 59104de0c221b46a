import EventLog
import FoundationEssentials
import GRDB
import Synchronization

/// Reads one partition of a table of records by short transactions, so that no reader holds the log's WAL back.
///
/// Gives what was written or throws: every record is held against its checksum, and every offset against its
/// predecessor, since offsets are dense. Where events are gone from before the first, retention was faster than this
/// reader: it throws rather than pass them over. Scores and outcomes, of which everyone wants the newest, go on with the
/// oldest that there is.
final class TableReader: EventReader {
    /// A batch ends when it holds this much, whatever its limit.
    private static let maxBytes = 8 << 20
    /// How often a reader in another process than the writer looks again.
    private static let pollInterval = Duration.milliseconds(50)

    private let table: RecordTable
    private let pool: DatabasePool
    private let partition: Int
    /// `nil`: the writer is another process.
    private let bell: Bell?
    /// `nil`: only the table is asked.
    private let newest: NewestRecords?
    private let offset: Mutex<Int64>

    init(
        _ table: RecordTable, pool: DatabasePool, partition: Int, from offset: Int64, bell: Bell?,
        newest: NewestRecords? = nil
    ) {
        self.newest = newest
        self.table = table
        self.pool = pool
        self.partition = partition
        self.bell = bell
        self.offset = Mutex(offset)
    }

    func next(limit: Int, wait: Duration) async throws(EventLogError) -> [StoredRecord] {
        precondition(limit > 0, "TableReader.next: a limit of \(limit)")
        let deadline = ContinuousClock.now + wait
        while true {
            let heard = bell?.rings
            let records = try await read(limit: limit)
            let left = deadline - ContinuousClock.now
            if !records.isEmpty || left <= .zero || Task.isCancelled { return records }
            if let bell, let heard {
                await bell.wait(after: heard, timeout: left)
            } else {
                try? await Task.sleep(for: min(left, Self.pollInterval))
            }
        }
    }

    private func read(limit: Int) async throws(EventLogError) -> [StoredRecord] {
        let from = offset.withLock { $0 }
        if let records = newest?.records(from: from, limit: limit) {
            offset.withLock { $0 = from + Int64(records.count) }
            return records
        }
        let records: [StoredRecord]
        do {
            records = try await pool.read { [table, partition] database in
                var records: [StoredRecord] = []
                var bytes = 0
                var expected = from
                do {
                    try database.records(of: table, partition: partition, from: from) { row in
                        let record = try row.stored()
                        guard record.offset >= expected else {
                            throw Self.misplaced(table, partition, record.offset, expected)
                        }
                        if record.offset > expected {
                            let isOldest =
                                try records.isEmpty
                                && database.bounds(of: table, partition: partition).lowerBound == record.offset
                            guard isOldest, table != .event else {
                                throw Self.missing(table, partition, expected..<record.offset)
                            }
                        }
                        expected = record.offset + 1
                        bytes += record.value.count
                        records.append(record)
                        return records.count < limit && bytes < Self.maxBytes
                    }
                } catch {
                    // What comes before it is sound and goes first; the next read meets it again.
                    if records.isEmpty { throw error }
                }
                return records
            }
        } catch is CancellationError {
            return []
        } catch {
            throw EventLogError(error, "partition \(partition) could not be read from offset \(from) on")
        }
        if let last = records.last { offset.withLock { $0 = last.offset + 1 } }
        return records
    }

    /// Of a page that stands where another one should.
    private static func misplaced(
        _ table: RecordTable, _ partition: Int, _ offset: Int64, _ expected: Int64
    ) -> EventLogError {
        .unusable(
            "partition \(partition) of \(table.rawValue)s gives offset \(offset) where \(expected) should be: "
                + EventLogError.remedy)
    }

    private static func missing(_ table: RecordTable, _ partition: Int, _ gone: Range<Int64>) -> EventLogError {
        .unusable(
            "partition \(partition) of \(table.rawValue)s no longer holds offsets \(gone.lowerBound) to "
                + "\(gone.upperBound - 1): retention has removed them since, then read from \(gone.upperBound) on; or "
                + "they are lost, which `dinghy verify` tells")
    }
}
