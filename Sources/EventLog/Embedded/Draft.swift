import EventLog
import FoundationEssentials
import GRDB
import LogDirectory

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file in the making that will take another's place: `NAME.draft` while it is written, `NAME.repaired` once it is
/// complete and on the disk.
struct Draft {
    private let directory: String
    private let name: String
    private let database: DatabaseQueue

    private static let names = [Schema.scores.name, Schema.events.name]
    /// Rows in one transaction.
    private static let run = 10_000

    init(_ directory: String, _ file: SchemaFile) throws {
        self.directory = directory
        name = file.name
        let path = directory + "/" + name + ".draft"
        if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
        database = try DatabaseQueue(path: path)
        // Nobody reads it before it is complete, and then it is synced as a whole.
        try database.writeWithoutTransaction {
            try $0.execute(sql: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        }
        try database.write {
            try $0.execute(sql: file.tables)
            try $0.execute(
                sql: "PRAGMA application_id = \(Schema.applicationID); PRAGMA user_version = \(Schema.version)")
        }
    }

    // MARK: Copying

    func copyEvents(_ source: DatabasePool, _ cuts: [TailRepair.Cut]) async throws {
        try await copySmall(source, "SELECT name, value FROM meta", into: "meta") { row in
            let (name, value): (String, Int64) = (try row.decode(atIndex: 0), try row.decode(atIndex: 1))
            return [name, value, Checksum.of("meta", [name, "\(value)"])]
        }
        try await copySmall(source, "SELECT name, last_row, ended FROM replay", into: "replay") { row in
            let name: String = try row.decode(atIndex: 0)
            let mark = ReplayMark(lastRow: try row.decode(atIndex: 1), ended: try row.decode(atIndex: 2))
            return [name, mark.lastRow, mark.ended ? 1 : 0, mark.checksum(name)]
        }
        for cut in cuts { try await copy(.event, cut.partition, cut.start..<cut.end, source) }
        try await copyRejected(source)
    }

    func copyOutputs(_ source: DatabasePool, _ kept: [TailRepair.KeptOutputs]) async throws {
        for (partition, kept) in kept.enumerated() {
            for (table, end) in [(RecordTable.score, kept.scoresEnd), (.outcome, kept.outcomesEnd)] {
                let start = try await source.answer("the outputs") {
                    (try? $0.bounds(of: table, partition: partition).lowerBound) ?? end
                }
                if start < end { try await copy(table, partition, start..<end, source) }
            }
            guard let position = kept.position else { continue }
            let row = CommittedPosition(
                partition: partition, next: position.next, lowWaterOffset: position.lowWaterOffset, text: position.text)
            try await database.write {
                try $0.execute(
                    sql: "INSERT INTO position VALUES (?, ?, ?, ?, ?)",
                    arguments: [partition, row.next, row.lowWaterOffset, row.text, row.checksum])
            }
        }
    }

    private func copySmall(
        _ source: DatabasePool, _ sql: String, into table: String,
        _ columns: @escaping @Sendable (Row) throws -> [any DatabaseValueConvertible & Sendable]
    ) async throws {
        let rows = try await source.answer("\(table) could not be read") { try Row.fetchAll($0, sql: sql).map(columns) }
        try await database.write { database in
            for row in rows {
                let places = row.map { _ in "?" }.joined(separator: ", ")
                try database.execute(
                    sql: "INSERT INTO \(table) VALUES (\(places))", arguments: StatementArguments(row))
            }
        }
    }

    /// Copies sound records; those from before there were checksums get theirs now.
    private func copy(_ table: RecordTable, _ partition: Int, _ range: Range<Int64>, _ source: DatabasePool)
        async throws
    {
        var next = range.lowerBound
        while next < range.upperBound {
            let from = next
            let limit = min(Int64(Self.run), range.upperBound - from)
            let rows = try await source.answer("\(table.rawValue)s could not be read") { database in
                var rows: [(StoredRecord, identity: Int64?)] = []
                try database.records(of: table, partition: partition, from: from) { record in
                    rows.append((try record.stored(), record.identity))
                    return rows.count < limit
                }
                return rows
            }
            guard let last = rows.last, last.0.offset == from + Int64(rows.count) - 1 else {
                throw EventLogError.unusable(
                    "partition \(partition): \(table.rawValue)s vanished from offset \(from) on")
            }
            try await database.write { database in
                var writer = try BatchWriter(database, table, partition: partition)
                for (record, identity) in rows {
                    try writer.append(record.value, identity: identity, offset: record.offset, time: record.time)
                }
                try writer.finish()
            }
            next = last.0.offset + 1
        }
    }

    /// Rejected inputs as far as they can be read.
    private func copyRejected(_ source: DatabasePool) async throws {
        var next: Int64 = 0
        while true {
            let from = next
            let run = try? await source.answer("rejected input could not be read") {
                try $0.rejectedInputs(from: from, limit: Self.run) { ($0, $1 ?? $0.checksum($2), $2) }
            }
            guard let run, let last = run.last else { return }
            try await database.write { database in
                for (record, checksum, number) in run where checksum == record.checksum(number) {
                    let insert = try RawStatement(database, "INSERT INTO rejected VALUES (?, ?, ?, ?, ?, ?, ?)")
                    try insert.bind(number, at: 1)
                    try insert.bind(record.time, at: 2)
                    try insert.bind(record.source, at: 3)
                    try insert.bind(record.reason, at: 4)
                    try insert.bind(record.line.map { Int64($0) }, at: 5)
                    try insert.bind(checksum, at: 7)
                    try insert.run(record.bytes, at: 6)
                }
            }
            next = last.2 + 1
        }
    }

    // MARK: Taking the place

    /// The draft is whole and on the disk: from now on it takes the other file's place, whatever happens.
    func complete() throws {
        try database.close()
        let path = directory + "/" + name
        try Self.sync(path + ".draft")
        guard rename(path + ".draft", path + ".repaired") == 0 else { throw Self.failure(path + ".repaired") }
        try Self.sync(directory)
    }

    /// Puts what is complete in its place. The old file, and what its WAL holds, stay as `NAME.damaged`.
    static func finish(_ directory: String) throws(EventLogError) {
        for name in names {
            let path = directory + "/" + name
            guard FileManager.default.fileExists(atPath: path + ".repaired") else { continue }
            // By number, so that an earlier one is not overwritten. A link first: the name never stands for nothing.
            let kept =
                (1...).lazy.map { path + ".damaged" + ($0 == 1 ? "" : "-\($0)") }
                .first { !FileManager.default.fileExists(atPath: $0) } ?? path
            guard link(path, kept) == 0 else { throw failure(kept) }
            for suffix in ["-wal", "-shm"] where FileManager.default.fileExists(atPath: path + suffix) {
                guard rename(path + suffix, kept + suffix) == 0 else { throw failure(kept + suffix) }
            }
            guard rename(path + ".repaired", path) == 0 else { throw failure(path) }
            try sync(directory)
        }
    }

    /// Whether a repair was killed before its files were in place.
    static func isWaiting(in directory: String) -> Bool {
        names.contains { FileManager.default.fileExists(atPath: directory + "/" + $0 + ".repaired") }
    }

    private static func sync(_ path: String) throws(EventLogError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(path) }
    }

    private static func failure(_ path: String) -> EventLogError {
        .unusable("\(path) cannot be written: \(String(cString: strerror(errno)))")
    }
}
