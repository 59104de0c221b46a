import EventLog
import FoundationEssentials
import GRDB

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
    func replayMark(_ name: String) throws -> ReplayMark? {
        let statement = try cachedStatement(sql: "SELECT last_row, ended, checksum FROM replay WHERE name = ?")
        guard let row = try Row.fetchOne(statement, arguments: [name]) else { return nil }
        let mark = ReplayMark(lastRow: try row.decode(atIndex: 0), ended: try row.decode(atIndex: 1))
        try check(try row.decode(atIndex: 2), mark.checksum(name), "the mark of replay \(name)")
        return mark
    }

    /// - Parameter stored: `nil` beside rows from before there were checksums.
    func check(_ stored: Int64?, _ own: Int64, _ what: @autoclosure () -> String) throws {
        if let stored, stored != own { throw EventLogError.wrongChecksum(what()) }
    }

    /// The newest run of a partition's offsets that begins before `offset` and holds only rows of replays.
    func replayed(_ partition: Int, before offset: Int64) throws -> Range<Int64>? {
        let statement = try cachedStatement(
            sql: "SELECT first, next FROM replayed WHERE partition = ? AND first < ? ORDER BY first DESC LIMIT 1")
        guard let row = try Row.fetchOne(statement, arguments: [partition, offset]) else { return nil }
        let (first, next): (Int64, Int64) = (try row.decode(atIndex: 0), try row.decode(atIndex: 1))
        // A run that cannot be is passed over by looking at what it stands for.
        return first < next ? first..<next : nil
    }

    /// Rejected inputs as they stand there, whatever their checksums say.
    func rejectedInputs<T>(
        from number: Int64, limit: Int,
        _ body: (_ record: RejectedRecord, _ checksum: Int64?, _ number: Int64) throws -> T
    ) throws -> [T] {
        let rows = try Row.fetchCursor(
            self,
            sql: """
                SELECT time, source, reason, line, bytes, checksum, number FROM rejected
                WHERE number >= ? ORDER BY number LIMIT ?
                """,
            arguments: [number, limit])
        // A reason may quote any character, but GRDB's strings end at the first NUL.
        func text(_ row: Row, _ column: Int) throws -> String {
            try row.withUnsafeData(atIndex: column) { String(decoding: $0 ?? .init(), as: UTF8.self) }
        }
        var inputs: [T] = []
        while let row = try rows.next() {
            let record = RejectedRecord(
                time: try row.decode(atIndex: 0), source: try text(row, 1), reason: try text(row, 2),
                line: try row.decode(atIndex: 3),
                bytes: try row.withUnsafeData(atIndex: 4) { [UInt8]($0 ?? .init()) })
            inputs.append(try body(record, try row.decode(atIndex: 5), try row.decode(atIndex: 6)))
        }
        return inputs
    }

    /// Rejected input is numbered from 0 on.
    func rejectedCount() throws -> Int64 {
        try Int64.fetchOne(self, sql: "SELECT coalesce(max(number) + 1, 0) FROM rejected") ?? 0
    }
}

extension ReplayMark {
    func checksum(_ name: String) -> Int64 { Checksum.of("replay", [name, "\(lastRow)", "\(ended)"]) }
}

extension RejectedRecord {
    func checksum(_ number: Int64) -> Int64 {
        Checksum.of("rejected", ["\(number)", "\(time)", source, reason, line.map { "\($0)" } ?? ""], bytes: bytes)
    }
}
