import BenchKit
import Foundation
import GRDBSQLite

/// SQLite with nothing of ours around it: the floor for what stores rows. A table like the log's, WAL, an fsync for
/// every transaction, checkpoints as SQLite makes them by itself.
enum PlainRows {
    struct Failure: Error {
        var message: String
    }

    static func insert(at path: String, rows: Int, bytes: Int, each transaction: Int) throws -> Cost {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        var database: OpaquePointer?
        try check(sqlite3_open(path + "/plain.sqlite", &database), database)
        defer { sqlite3_close(database) }
        func run(_ sql: String) throws { try check(sqlite3_exec(database, sql, nil, nil, nil), database) }
        try run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        try run(
            """
            CREATE TABLE row (partition INTEGER NOT NULL, number INTEGER NOT NULL, time INTEGER NOT NULL,
            value BLOB NOT NULL, PRIMARY KEY (partition, number)) STRICT, WITHOUT ROWID
            """)
        var statement: OpaquePointer?
        try check(sqlite3_prepare_v2(database, "INSERT INTO row VALUES (0, ?, 0, ?)", -1, &statement, nil), database)
        defer { sqlite3_finalize(statement) }
        let value = [UInt8](repeating: 120, count: bytes)
        let before = Cost.now
        for first in stride(from: 0, to: rows, by: transaction) {
            try run("BEGIN IMMEDIATE")
            for number in first..<min(rows, first + transaction) {
                sqlite3_bind_int64(statement, 1, Int64(number))
                // No destructor: `value` outlives the step.
                value.withUnsafeBytes { _ = sqlite3_bind_blob(statement, 2, $0.baseAddress, Int32($0.count), nil) }
                guard sqlite3_step(statement) == SQLITE_DONE else { throw failure(database) }
                sqlite3_reset(statement)
            }
            try run("COMMIT")
        }
        return Cost.now - before
    }

    private static func check(_ code: Int32, _ database: OpaquePointer?) throws {
        if code != SQLITE_OK { throw failure(database) }
    }

    private static func failure(_ database: OpaquePointer?) -> Failure {
        Failure(message: database.map { String(cString: sqlite3_errmsg($0)) } ?? "SQLite could not be opened")
    }
}
