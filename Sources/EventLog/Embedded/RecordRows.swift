import EventLog
import GRDB

/// The rows of the tables of records.
extension Database {
    enum Direction {
        case forward
        case backward
    }

    /// Gives the rows of a partition that hold a record of `range`, whole, in order, until `body` answers false.
    func batches(
        of table: RecordTable, partition: Int, in range: Range<Int64>, _ direction: Direction = .forward,
        _ body: (RecordBatch) throws -> Bool
    ) throws {
        let order = direction == .forward ? "ASC" : "DESC"
        func rows() throws -> Bool {
            let statement = try RawStatement(
                self,
                """
                SELECT key, count, time, value FROM \(table.batches)
                WHERE key >= coalesce((SELECT max(key) FROM \(table.batches) WHERE key BETWEEN ?1 AND ?2), ?2)
                  AND key < ?3
                ORDER BY key \(order)
                """)
            try statement.bind(RecordKey(partition, 0).value, at: 1)
            try statement.bind(RecordKey(partition, range.lowerBound).value, at: 2)
            try statement.bind(RecordKey(partition, range.upperBound).value, at: 3)
            return try statement.rows { row in
                let (offset, count) = (RecordKey(row.integer(0)).offset, row.integer(1))
                // The row before the range, whose value need not be read.
                guard RecordBatch.end(offset, count) > range.lowerBound else { return true }
                return try body(
                    RecordBatch(
                        table: table, partition: partition, offset: offset, time: row.integer(2), count: count,
                        value: row.bytes(3)))
            }
        }
        func singles() throws -> Bool {
            let statement = try RawStatement(
                self,
                """
                SELECT "offset", time, value, checksum, \(table == .event ? "identity" : "NULL") FROM \(table.rawValue)
                WHERE partition = ? AND "offset" >= ? AND "offset" < ? ORDER BY "offset" \(order)
                """)
            try statement.bind(Int64(partition), at: 1)
            try statement.bind(range.lowerBound, at: 2)
            try statement.bind(range.upperBound, at: 3)
            return try statement.rows { row in
                try body(
                    RecordBatch(
                        table: table, partition: partition, offset: row.integer(0), time: row.integer(1), count: 1,
                        value: row.bytes(2),
                        single: RecordBatch.Single(
                            identity: row.optionalInteger(4), checksum: row.optionalInteger(3))))
            }
        }
        switch direction {
        case .forward: if try singles() { _ = try rows() }
        case .backward: if try rows() { _ = try singles() }
        }
    }

    /// Gives the records of a partition from an offset on, in order, until `body` answers false.
    func records(
        of table: RecordTable, partition: Int, from offset: Int64, _ body: (BatchedRecord) throws -> Bool
    ) throws {
        try batches(of: table, partition: partition, in: offset..<Int64.max) { try $0.forEach(from: offset, body) }
    }

    /// The offset and append time of a partition's newest record.
    func lastRecord(of table: RecordTable, partition: Int) throws -> (offset: Int64, time: Int64)? {
        try endRow(of: table, partition: partition, .backward).map { ($0.offset + $0.count - 1, $0.time) }
    }

    /// The offsets that a partition of a table holds.
    func bounds(of table: RecordTable, partition: Int) throws -> Range<Int64> {
        guard let first = try firstOffset(of: table, partition: partition),
            let last = try lastRecord(of: table, partition: partition)
        else { return 0..<0 }
        guard first <= last.offset else { throw impossible("begins", first, partition) }
        return first..<(last.offset + 1)
    }

    /// Where a partition begins, whatever its end looks like.
    func firstOffset(of table: RecordTable, partition: Int) throws -> Int64? {
        try endRow(of: table, partition: partition, .forward)?.offset
    }

    /// The append time of the row that holds an offset, or of the last one before it.
    func time(of table: RecordTable, partition: Int, at offset: Int64) throws -> Int64? {
        var time: Int64?
        let batch = try RawStatement(
            self,
            "SELECT time FROM \(table.batches) WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1")
        try batch.bind(RecordKey(partition, 0).value, at: 1)
        try batch.bind(RecordKey(partition, offset).value, at: 2)
        let single = try RawStatement(
            self,
            """
            SELECT time FROM \(table.rawValue) WHERE partition = ? AND "offset" <= ? ORDER BY "offset" DESC LIMIT 1
            """)
        try single.bind(Int64(partition), at: 1)
        try single.bind(offset, at: 2)
        for statement in [single, batch] {
            _ = try statement.rows { row in
                time = row.integer(0)
                return false
            }
        }
        return time
    }

    /// The first or the last row of a partition, without its value.
    private func endRow(
        of table: RecordTable, partition: Int, _ direction: Direction
    ) throws -> (offset: Int64, count: Int64, time: Int64)? {
        let order = direction == .forward ? "ASC" : "DESC"
        let batch = try RawStatement(
            self,
            """
            SELECT key, count, time FROM \(table.batches) WHERE key >= ? AND key < ? ORDER BY key \(order) LIMIT 1
            """)
        try batch.bind(RecordKey(partition, 0).value, at: 1)
        try batch.bind(RecordKey(partition + 1, 0).value, at: 2)
        let single = try RawStatement(
            self,
            """
            SELECT "offset", 1, time FROM \(table.rawValue) WHERE partition = ? ORDER BY "offset" \(order) LIMIT 1
            """)
        try single.bind(Int64(partition), at: 1)
        var found: (offset: Int64, count: Int64, time: Int64)?
        for (statement, isBatch) in [(single, false), (batch, true)] where found == nil || direction == .backward {
            _ = try statement.rows { row in
                let first = row.integer(0)
                found = (isBatch ? RecordKey(first).offset : first, row.integer(1), row.integer(2))
                return false
            }
        }
        // What no log ever reaches, damage does.
        if let found {
            guard (0..<RecordKey.endOffset).contains(found.offset) else {
                throw impossible(direction == .forward ? "begins" : "ends", found.offset, partition)
            }
            guard direction == .forward || (1...RecordBatch.maxRecords).contains(found.count) else {
                throw EventLogError.unusable(
                    "the row of partition \(partition), offset \(found.offset) of \(table.rawValue)s says that it holds "
                        + "\(found.count) records, which cannot be; \(EventLogError.remedy)")
            }
        }
        return found
    }

    private func impossible(_ does: String, _ offset: Int64, _ partition: Int) -> EventLogError {
        .unusable("partition \(partition) \(does) at offset \(offset), which cannot be; \(EventLogError.remedy)")
    }
}
