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
    private let offset: Mutex<Int64>

    init(_ table: RecordTable, pool: DatabasePool, partition: Int, from offset: Int64, bell: Bell?) {
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
        let records: [StoredRecord]
        do {
            records = try await pool.read { [table, partition] database in
                var records: [StoredRecord] = []
                var bytes = 0
                var expected = from
                let statement = try database.cachedStatement(sql: table.selection)
                let rows = try Row.fetchCursor(statement, arguments: [partition, from, limit])
                do {
                    while bytes < Self.maxBytes, let row = try rows.next() {
                        let record = try table.record(row, partition: partition)
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

extension RecordTable {
    /// Records of a partition from an offset on, in order, as `record` reads them.
    var selection: String {
        """
        SELECT "offset", time, value, checksum, \(self == .event ? "identity" : "NULL") FROM \(rawValue)
        WHERE partition = ? AND "offset" >= ? ORDER BY "offset" LIMIT ?
        """
    }

    /// A row of `selection`.
    ///
    /// - Throws: `.unusable` where it is not what was written.
    func record(_ row: Row, partition: Int) throws -> StoredRecord {
        let record = StoredRecord(
            offset: try row.decode(atIndex: 0), time: try row.decode(atIndex: 1),
            value: try row.withUnsafeData(atIndex: 2) { [UInt8]($0 ?? .init()) })
        if let checksum = try row.decode(Int64?.self, atIndex: 3),
            checksum
                != Checksum.of(
                    self, partition: Int64(partition), offset: record.offset, time: record.time,
                    identity: try row.decode(atIndex: 4),
                    record.value)
        {
            throw EventLogError.wrongChecksum(
                "the record of partition \(partition), offset \(record.offset) of \(rawValue)s")
        }
        return record
    }
}
