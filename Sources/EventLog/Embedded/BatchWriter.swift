import EventLog
import GRDB

/// Writes the records of one partition of a table, within one transaction, as rows that hold many.
///
/// `finish` writes what is left: nothing may be taken for written before.
struct BatchWriter {
    private let table: RecordTable
    private let partition: Int
    private let insert: RawStatement
    private var first: Int64 = 0
    private var time: Int64 = 0
    private var count: Int64 = 0
    private var value: [UInt8] = []

    init(_ database: Database, _ table: RecordTable, partition: Int) throws {
        self.init(try RawStatement(database, "INSERT INTO \(table.batches) VALUES (?, ?, ?, ?)"), table, partition)
    }

    private init(_ insert: RawStatement, _ table: RecordTable, _ partition: Int) {
        self.table = table
        self.partition = partition
        self.insert = insert
    }

    /// One for every partition.
    static func all(_ database: Database, _ table: RecordTable, partitions: Int) throws -> [BatchWriter] {
        let first = try BatchWriter(database, table, partition: 0)
        return (0..<partitions).map { BatchWriter(first.insert, table, $0) }
    }

    /// - Parameters:
    ///   - offset: follows the last record's.
    ///   - time: not before the last record's.
    mutating func append(_ record: [UInt8], identity: Int64?, offset: Int64, time: Int64) throws {
        if count > 0, time != self.time { try finish() }
        if count == 0 { (first, self.time) = (offset, time) }
        precondition(offset == first + count, "BatchWriter.append: offset \(offset) does not follow \(first + count)")
        let checksum = Checksum.of(
            table, partition: Int64(partition), offset: offset, time: time, identity: identity, record)
        RecordBatch.append(record, identity: identity, checksum: checksum, to: &value)
        count += 1
        if value.count >= RecordBatch.bytes { try finish() }
    }

    mutating func finish() throws {
        guard count > 0 else { return }
        try insert.bind(RecordKey(partition, first).value, at: 1)
        try insert.bind(count, at: 2)
        try insert.bind(time, at: 3)
        try insert.run(value, at: 4)
        count = 0
        value.removeAll(keepingCapacity: true)
    }
}
