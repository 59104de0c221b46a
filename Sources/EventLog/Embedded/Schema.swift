import EventLog
import FoundationEssentials
import GRDB
import Synchronization

/// One of the two files of a data directory, as a schema knows it.
struct SchemaFile {
    var name: String
    /// What makes the tables of the present version in an empty file.
    var tables: String
    /// What makes version `n + 2` of version `n + 1`, each as a part of one transaction.
    var migrations: [@Sendable (Database) throws -> Void]
}

/// The two files of a data directory, their tables and their versions.
///
/// Offsets are dense and go on from the newest record, and times never fall behind its time: whatever removes old
/// records must leave the newest of every partition.
///
/// An older version is migrated when the file is opened for writing, in one transaction: it has happened or not,
/// wherever the process is killed, and the next start goes on from there. Opened for reading, an older file is read as
/// it is. A newer one is refused.
enum Schema {
    /// "ding": tells our files from other SQLite files.
    static let applicationID: Int32 = 0x6469_6e67
    /// Raised by every change of the tables; an older program refuses a newer file.
    static let version: Int32 = 3

    /// Where nothing was migrated, `NOT NULL` makes SQLite's own check complain of a checksum that has gone.
    static let events = SchemaFile(
        name: "events.sqlite",
        tables: """
            CREATE TABLE meta (
              name TEXT PRIMARY KEY, value INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT, WITHOUT ROWID;
            CREATE TABLE event (
              partition INTEGER NOT NULL, "offset" INTEGER NOT NULL, time INTEGER NOT NULL,
              identity INTEGER, value BLOB NOT NULL, checksum INTEGER NOT NULL,
              PRIMARY KEY (partition, "offset")) STRICT, WITHOUT ROWID;
            CREATE TABLE rejected (
              number INTEGER PRIMARY KEY, time INTEGER NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL,
              line INTEGER, bytes BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;
            CREATE TABLE replay (
              name TEXT PRIMARY KEY, last_row INTEGER NOT NULL, ended INTEGER NOT NULL,
              checksum INTEGER NOT NULL) STRICT, WITHOUT ROWID;
            \(replayed)
            \(batches(.event))
            """,
        migrations: [
            { database in
                // No row is rewritten, so this takes no longer for a large log than for a small one. The records get no
                // checksum: it would vouch for whatever became of them meanwhile.
                try database.execute(
                    sql: """
                        ALTER TABLE meta ADD COLUMN checksum INTEGER;
                        ALTER TABLE event ADD COLUMN checksum INTEGER;
                        ALTER TABLE rejected ADD COLUMN checksum INTEGER;
                        ALTER TABLE replay ADD COLUMN checksum INTEGER;
                        \(replayed)
                        """)
            },
            { try $0.execute(sql: batches(.event)) },
        ])

    static let scores = SchemaFile(
        name: "scores.sqlite",
        tables: """
            CREATE TABLE score (
              partition INTEGER NOT NULL, "offset" INTEGER NOT NULL, time INTEGER NOT NULL, value BLOB NOT NULL,
              checksum INTEGER NOT NULL,
              PRIMARY KEY (partition, "offset")) STRICT, WITHOUT ROWID;
            CREATE TABLE outcome (
              partition INTEGER NOT NULL, "offset" INTEGER NOT NULL, time INTEGER NOT NULL, value BLOB NOT NULL,
              checksum INTEGER NOT NULL,
              PRIMARY KEY (partition, "offset")) STRICT, WITHOUT ROWID;
            CREATE TABLE position (
              partition INTEGER PRIMARY KEY, next INTEGER NOT NULL, low_water INTEGER NOT NULL, value TEXT NOT NULL,
              checksum INTEGER NOT NULL) STRICT;
            \(batches(.score))
            \(batches(.outcome))
            """,
        migrations: [
            { database in
                try database.execute(
                    sql: """
                        ALTER TABLE score ADD COLUMN checksum INTEGER;
                        ALTER TABLE outcome ADD COLUMN checksum INTEGER;
                        ALTER TABLE position ADD COLUMN checksum INTEGER;
                        """)
            },
            { try $0.execute(sql: batches(.score) + batches(.outcome)) },
        ])

    /// Runs of offsets that hold only rows of replays, which have no identity: whoever looks for identities passes them
    /// over.
    private static let replayed = """
        CREATE TABLE replayed (
          partition INTEGER NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL,
          PRIMARY KEY (partition, first)) STRICT, WITHOUT ROWID;
        """

    /// Rows that hold many records (`RecordBatch`). Where they begin is one number (`RecordKey`), and the table one of
    /// rowids: in any other, SQLite reads whole rows on its way to the one it looks for.
    private static func batches(_ table: RecordTable) -> String {
        """
        CREATE TABLE \(table.batches) (
          key INTEGER PRIMARY KEY, count INTEGER NOT NULL, time INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
        """
    }

    /// Tables of version 1 that have no column for a checksum.
    private static let withoutChecksum = ["event", "score", "outcome", "position", "meta", "rejected", "replay"]

    /// Opens a file of ours; makes its tables where it is new and may be written, and migrates them where they are old.
    ///
    /// - Throws: `.unusable` where it is not ours, newer than this program, damaged, or cannot be read or written; then
    ///   it is left as it was.
    static func open(_ directory: String, _ file: SchemaFile, readOnly: Bool) throws(EventLogError) -> DatabasePool {
        let path = directory + "/" + file.name
        var configuration = Configuration()
        configuration.readonly = readOnly
        configuration.maximumReaderCount = 8
        configuration.busyMode = .timeout(10)
        let opened = OpenedVersion()
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA wal_autocheckpoint = 0")
            guard readOnly else { return }
            // Connections of one pool must not see different tables.
            guard try opened.isStill(version(of: database)) else {
                throw EventLogError.unusable("\(path) was migrated by a newer dinghy meanwhile: open it again")
            }
            try readOld(database)
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
                try pool.write { try prepare($0, path, file) }
            }
            return pool
        } catch let error as EventLogError {
            throw error
        } catch let error as DatabaseError where error.resultCode == .SQLITE_NOTADB {
            throw .unusable("\(path) is no SQLite file, or its first page is damaged: choose another data directory")
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT {
            throw .unusable("\(path) is damaged (\(error)): \(EventLogError.remedy)")
        } catch {
            throw .unusable("\(path) cannot be opened, check its permissions and its disk: \(error)")
        }
    }

    private final class OpenedVersion: Sendable {
        private let first = Mutex<Int32?>(nil)

        func isStill(_ version: Int32) -> Bool {
            first.withLock { first in
                first = first ?? version
                return first == version
            }
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

    private static func prepare(_ database: Database, _ path: String, _ file: SchemaFile) throws {
        if try isNew(database) {
            try database.execute(sql: file.tables)
            try database.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(version)")
        }
        try check(database, path)
        let missing = file.migrations[(Int(try self.version(of: database)) - 1)...]
        for migration in missing { try migration(database) }
        if !missing.isEmpty { try database.execute(sql: "PRAGMA user_version = \(version)") }
        // What durability rests on is read back, not believed.
        let mode = try String.fetchOne(database, sql: "PRAGMA journal_mode")
        let synchronous = try Int.fetchOne(database, sql: "PRAGMA synchronous")
        guard mode == "wal", synchronous == 2 else {
            throw EventLogError.unusable(
                "\(path): SQLite runs with journal_mode=\(mode ?? "?"), synchronous=\(synchronous ?? -1) instead of wal and FULL: "
                    + "nothing could be promised; use a local file system")
        }
    }

    private static func version(of database: Database) throws -> Int32 {
        try Int32.fetchOne(database, sql: "PRAGMA user_version") ?? 0
    }

    /// Lets a file of an older version be read as one of the present by a connection that must not change it: names are
    /// looked for among the temporary ones first.
    private static func readOld(_ database: Database) throws {
        let version = try self.version(of: database)
        func exists(_ table: String) throws -> Bool {
            try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = ?)", arguments: [table]) == true
        }
        if version == 1 {
            for table in withoutChecksum where try exists(table) {
                try database.execute(
                    sql: "CREATE TEMP VIEW \(table) AS SELECT *, CAST(NULL AS INTEGER) AS checksum FROM main.\(table)")
            }
        }
        if (1...2).contains(version) {
            for table in RecordTable.allCases where try exists(table.rawValue) {
                try database.execute(
                    sql: """
                        CREATE TEMP VIEW \(table.batches) AS
                        SELECT 0 AS key, 0 AS count, 0 AS time, x'' AS value WHERE false
                        """)
            }
        }
    }

    private static func check(_ database: Database, _ path: String) throws {
        let application = try Int32.fetchOne(database, sql: "PRAGMA application_id")
        let found = try version(of: database)
        guard application == applicationID else {
            throw EventLogError.unusable(
                "\(path) is an SQLite file, but none of Dinghy's: choose another data directory")
        }
        guard found <= version else {
            throw EventLogError.unusable(
                "\(path) was written by a newer dinghy (schema \(found), this one knows \(version)): upgrade this program"
            )
        }
        guard found >= 1 else {
            throw EventLogError.unusable(
                "\(path) says that it has schema \(found), which never was: \(EventLogError.remedy)")
        }
    }
}
