import EventLog
import Foundation
import GRDB

/// A data directory as an old version of the schema wrote it: two partitions, a replay, rejected input, scores.
enum OldVersion: Int, CaseIterable {
    /// Without checksums.
    case first = 1
    /// One row a record.
    case second = 2

    /// Rows that have no checksum.
    var withoutChecksum: Int64 { self == .first ? 7 : 0 }

    private static let events1 = """
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

    private static let scores1 = """
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

    private static let events2 = """
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
        CREATE TABLE replayed (
          partition INTEGER NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL,
          PRIMARY KEY (partition, first)) STRICT, WITHOUT ROWID;
        INSERT INTO meta VALUES ('partitions', 2, 2749168328635413101);
        INSERT INTO event VALUES
          (0, 0, 1000, 11, CAST('{"id":"a"}' AS BLOB), 4385368386012914867),
          (0, 1, 1000, NULL, CAST('{"id":"b"}' AS BLOB), 5108597772962263295),
          (0, 2, 2000, -5, CAST('{"id":"c"}' AS BLOB), 9068983743721394846),
          (1, 0, 1500, 13, CAST('{"id":"d"}' AS BLOB), 7304587842959029683);
        INSERT INTO rejected VALUES (0, 1200, 'collect', 'type: missing', NULL, x'7b7d', 869283036378723237);
        INSERT INTO replay VALUES ('june', 1, 0, -5559333194567065496);
        INSERT INTO replayed VALUES (0, 1, 2);
        PRAGMA application_id = 1684631143;
        PRAGMA user_version = 2;
        """

    private static let scores2 = """
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
        INSERT INTO score VALUES
          (0, 0, 2100, CAST('{"offset":0}' AS BLOB), -449751903754084621),
          (0, 1, 2100, CAST('{"offset":1}' AS BLOB), -8168896735719695263);
        INSERT INTO outcome VALUES (0, 0, 2100, CAST('{"offset":2}' AS BLOB), -6925928220030302172);
        INSERT INTO position VALUES (0, 2, 0, 'as it was', 4658221808586527738);
        PRAGMA application_id = 1684631143;
        PRAGMA user_version = 2;
        """

    func make(in directory: TemporaryDirectory) throws {
        let (events, scores) = self == .first ? (Self.events1, Self.scores1) : (Self.events2, Self.scores2)
        for (name, sql) in [("events", events), ("scores", scores)] {
            let pool = try DatabasePool(path: "\(directory.path)/\(name).sqlite")
            try pool.write { try $0.execute(sql: sql) }
            try pool.close()
        }
    }
}
