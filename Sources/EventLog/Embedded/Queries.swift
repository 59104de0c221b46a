import EventLog
import GRDB

/// The tables that hold partitions of records.
enum RecordTable: String {
    case event
    case score
    case outcome
}

extension OutputStream {
    var table: RecordTable { self == .scores ? .score : .outcome }
}

extension DatabasePool {
    /// Reads what takes no time worth mentioning. In a task of its own: GRDB would answer a cancelled one with an error,
    /// and a caller that is about to end would take the log for broken.
    ///
    /// - Parameter failing: what an error says was not possible.
    func answer<T: Sendable>(
        _ failing: String, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(EventLogError) -> T {
        do { return try await Task { try await read(body) }.value } catch { throw EventLogError(error, failing) }
    }
}

/// What is asked of the tables in more than one place. Statements are kept by their connection.
extension Database {
    /// The offset and append time of a partition's newest record.
    func lastRecord(of table: RecordTable, partition: Int) throws -> (offset: Int64, time: Int64)? {
        let statement = try cachedStatement(
            sql: """
                SELECT "offset", time FROM \(table.rawValue) WHERE partition = ? ORDER BY "offset" DESC LIMIT 1
                """)
        return try Row.fetchOne(statement, arguments: [partition]).map { ($0[0], $0[1]) }
    }

    /// The offsets that a partition of a table holds.
    func bounds(of table: RecordTable, partition: Int) throws -> Range<Int64> {
        let statement = try cachedStatement(
            sql: #"SELECT "offset" FROM \#(table.rawValue) WHERE partition = ? ORDER BY "offset" LIMIT 1"#)
        guard let first = try Int64.fetchOne(statement, arguments: [partition]),
            let last = try lastRecord(of: table, partition: partition)
        else { return 0..<0 }
        return first..<(last.offset + 1)
    }

    func replayMark(_ name: String) throws -> ReplayMark? {
        let statement = try cachedStatement(sql: "SELECT last_row, ended FROM replay WHERE name = ?")
        return try Row.fetchOne(statement, arguments: [name]).map { ReplayMark(lastRow: $0[0], ended: $0[1]) }
    }

    /// Rejected input is numbered from 0 on.
    func rejectedCount() throws -> Int64 {
        try Int64.fetchOne(self, sql: "SELECT coalesce(max(number) + 1, 0) FROM rejected") ?? 0
    }
}
