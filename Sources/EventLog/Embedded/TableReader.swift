import EventLog
import FoundationEssentials
import GRDB
import Synchronization

/// Reads one partition of a table of records by short transactions, so that no reader holds the log's WAL back.
final class TableReader: EventReader {
    /// A batch ends when it holds this much, whatever its limit.
    private static let maxBytes = 8 << 20
    /// How often a reader in another process than the writer looks again.
    private static let pollInterval = Duration.milliseconds(50)

    private let pool: DatabasePool
    private let sql: String
    private let partition: Int
    /// `nil`: the writer is another process.
    private let bell: Bell?
    private let offset: Mutex<Int64>

    init(_ table: RecordTable, pool: DatabasePool, partition: Int, from offset: Int64, bell: Bell?) {
        self.pool = pool
        self.partition = partition
        self.bell = bell
        self.offset = Mutex(offset)
        sql = """
            SELECT "offset", time, value FROM \(table.rawValue)
            WHERE partition = ? AND "offset" >= ? ORDER BY "offset" LIMIT ?
            """
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
            records = try await pool.read { [sql, partition] database in
                var records: [StoredRecord] = []
                var bytes = 0
                let statement = try database.cachedStatement(sql: sql)
                let rows = try Row.fetchCursor(statement, arguments: [partition, from, limit])
                while bytes < Self.maxBytes, let row = try rows.next() {
                    let value = try row.withUnsafeData(atIndex: 2) { [UInt8]($0 ?? .init()) }
                    bytes += value.count
                    records.append(StoredRecord(offset: row[0], time: row[1], value: value))
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
}
