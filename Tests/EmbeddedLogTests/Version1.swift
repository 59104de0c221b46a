import EventLog
import Foundation
import GRDB

/// A data directory as the first version of the schema wrote it: two partitions, a replay, rejected input, scores.
enum Version1 {
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
        INSERT INTO meta VALUES ('partitions', 2);
        INSERT INTO event VALUES
          (0, 0, 1000, 11, CAST('{"id":"a"}' AS BLOB)), (0, 1, 1000, NULL, CAST('{"id":"b"}' AS BLOB)),
          (0, 2, 2000, -5, CAST('{"id":"c"}' AS BLOB)), (1, 0, 1500, 13, CAST('{"id":"d"}' AS BLOB));
        INSERT INTO rejected VALUES (0, 1200, 'collect', 'type: missing', NULL, x'7b7d');
        INSERT INTO replay VALUES ('june', 1, 0);
        PRAGMA application_id = 1684631143;
        PRAGMA user_version = 1;
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
        INSERT INTO score VALUES (0, 0, 2100, CAST('{"offset":0}' AS BLOB)), (0, 1, 2100, CAST('{"offset":1}' AS BLOB));
        INSERT INTO outcome VALUES (0, 0, 2100, CAST('{"offset":2}' AS BLOB));
        INSERT INTO position VALUES (0, 2, 0, 'as it was');
        PRAGMA application_id = 1684631143;
        PRAGMA user_version = 1;
        """

    static func make(in directory: TemporaryDirectory) throws {
        for (name, sql) in [("events", events), ("scores", scores)] {
            let pool = try DatabasePool(path: "\(directory.path)/\(name).sqlite")
            try pool.write { try $0.execute(sql: sql) }
            try pool.close()
        }
    }
}
