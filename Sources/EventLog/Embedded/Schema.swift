import EventLog
import FoundationEssentials
import GRDB

/// The two files of a data directory, their tables and their versions.
///
/// Offsets are dense and go on from the newest record, and times never fall behind its time: whatever removes old
/// records must leave the newest of every partition.
enum Schema {
    /// "ding": tells our files from other SQLite files.
    static let applicationID: Int32 = 0x6469_6e67
    /// Raised by every change of the tables; an older program refuses a newer file.
    static let version: Int32 = 1

    static let events = """
        CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE event (
          partition INTEGER NOT NULL, "offset" INTEGER NOT NULL, time INTEGER NOT NULL,
          identity INTEGER, value BLOB NOT NULL,
          PRIMARY KEY (partition, "offset")) STRICT, WITHOUT ROWID;
        CREATE TABLE rejected (
          number INTEGER PRIMARY KEY, time INTEGER NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL,
          line INTEGER, bytes BLOB NOT NULL) STRICT;
        CREATE TABLE replay (
          name TEXT PRIMARY KEY, last_row INTEGER NOT NULL, ended INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        """

    static let scores = """
        CREATE TABLE score (
          partition INTEGER NOT NULL, "offset" INTEGER NOT NULL, time INTEGER NOT NULL, value BLOB NOT NULL,
          PRIMARY KEY (partition, "offset")) STRICT, WITHOUT ROWID;
        CREATE TABLE outcome (
          partition INTEGER NOT NULL, "offset" INTEGER NOT NULL, time INTEGER NOT NULL, value BLOB NOT NULL,
          PRIMARY KEY (partition, "offset")) STRICT, WITHOUT ROWID;
        CREATE TABLE position (
          partition INTEGER PRIMARY KEY, next INTEGER NOT NULL, low_water INTEGER NOT NULL, value TEXT NOT NULL) STRICT;
        """

    /// Opens a file of ours; makes its tables where it is new and may be written.
    ///
    /// - Throws: `.unusable` where it is not ours, newer than this program, or cannot be read or written; then it is
    ///   left as it was.
    static func open(_ path: String, tables: String, readOnly: Bool) throws(EventLogError) -> DatabasePool {
        var configuration = Configuration()
        configuration.readonly = readOnly
        configuration.maximumReaderCount = 8
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA wal_autocheckpoint = 0")
        }
        do {
            if FileManager.default.fileExists(atPath: path) {
                // First without the right to write: opening a pool turns any SQLite file into a WAL one.
                do { try look(at: path, readOnly, configuration, writing: false) } catch let error as DatabaseError
                    where error.resultCode == .SQLITE_READONLY && !readOnly
                {
                    // A kill while the file was made left a journal, which has to be rolled back before anybody reads.
                    try look(at: path, readOnly, configuration, writing: true)
                }
            } else if readOnly {
                throw EventLogError.unusable(
                    "there is no \(path): is this a Dinghy data directory? serve or replay into it first")
            }
            let pool = try DatabasePool(path: path, configuration: configuration)
            if !readOnly {
                // Not in `prepareDatabase`: a pool sets its writer to NORMAL after that, with which the last commits
                // are lost in a power cut.
                try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
                try pool.write { try prepare($0, path, tables) }
            }
            return pool
        } catch let error as EventLogError {
            throw error
        } catch let error as DatabaseError where error.resultCode == .SQLITE_NOTADB {
            throw .unusable("\(path) is no SQLite file, or its first page is damaged: choose another data directory")
        } catch {
            throw .unusable("\(path) cannot be opened, check its permissions and its disk: \(error)")
        }
    }

    private static func look(
        at path: String, _ readOnly: Bool, _ configuration: Configuration, writing: Bool
    ) throws {
        var looking = Configuration()
        looking.readonly = !writing
        // After a kill whoever opens first recovers the WAL, and all others wait for it.
        looking.busyMode = configuration.busyMode
        try DatabaseQueue(path: path, configuration: looking).read { database in
            if try readOnly || !isNew(database) { try check(database, path) }
        }
    }

    /// Whether nothing was ever stored in a file: there is none of anybody's tables.
    private static func isNew(_ database: Database) throws -> Bool {
        try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") == 0
    }

    private static func prepare(_ database: Database, _ path: String, _ tables: String) throws {
        if try isNew(database) {
            try database.execute(sql: tables)
            try database.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(version)")
        }
        try check(database, path)
        // What durability rests on is read back, not believed.
        let mode = try String.fetchOne(database, sql: "PRAGMA journal_mode")
        let synchronous = try Int.fetchOne(database, sql: "PRAGMA synchronous")
        guard mode == "wal", synchronous == 2 else {
            throw EventLogError.unusable(
                "\(path): SQLite runs with journal_mode=\(mode ?? "?"), synchronous=\(synchronous ?? -1) instead of wal and FULL: "
                    + "nothing could be promised; use a local file system")
        }
    }

    private static func check(_ database: Database, _ path: String) throws {
        let application = try Int32.fetchOne(database, sql: "PRAGMA application_id")
        let found = try Int32.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard application == applicationID else {
            throw EventLogError.unusable(
                "\(path) is an SQLite file, but none of Dinghy's: choose another data directory")
        }
        guard found <= version else {
            throw EventLogError.unusable(
                "\(path) was written by a newer dinghy (schema \(found), this one knows \(version)): upgrade this program"
            )
        }
    }
}
