import GRDB
import GRDBSQLite

/// A prepared statement bound without GRDB's argument boxing, which costs half as much again per row on the append and
/// commit paths (measured: 230,000 against 360,000 rows/s).
struct RawStatement {
    private let statement: GRDB.Statement
    private let database: Database

    init(_ database: Database, _ sql: String) throws {
        statement = try database.cachedStatement(sql: sql)
        self.database = database
    }

    private var handle: OpaquePointer { statement.sqliteStatement }

    enum Value {
        case integer(Int64)
        case text(String)
        case blob([UInt8])
        case null
    }

    /// Binds and runs to the end.
    func run(_ values: Value...) throws {
        sqlite3_reset(handle)
        for (index, value) in values.enumerated() { try bind(value, at: Int32(index + 1)) }
        let code = sqlite3_step(handle)
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
        guard code == SQLITE_DONE else { throw failure(code) }
    }

    private func bind(_ value: Value, at index: Int32) throws {
        // SQLITE_TRANSIENT: SQLite copies before the call returns.
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        let code =
            switch value {
            case .integer(let value): sqlite3_bind_int64(handle, index, value)
            case .text(let value): sqlite3_bind_text(handle, index, value, -1, transient)
            case .blob(let value):
                value.withUnsafeBytes { sqlite3_bind_blob(handle, index, $0.baseAddress, Int32($0.count), transient) }
            case .null: sqlite3_bind_null(handle, index)
            }
        guard code == SQLITE_OK else { throw failure(code) }
    }

    private func failure(_ code: Int32) -> DatabaseError {
        DatabaseError(
            resultCode: ResultCode(rawValue: code),
            message: database.sqliteConnection.map { String(cString: sqlite3_errmsg($0)) },
            sql: statement.sql)
    }
}
