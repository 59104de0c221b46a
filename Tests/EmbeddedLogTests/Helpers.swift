import EmbeddedLog
import EventLog
import Events
import Foundation
import GRDB
import Logging
import Testing

let wallClock: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1_000) }

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A directory that is gone when the last reference to it is.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "dinghy-log-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Opens it as its only writer.
    func open(
        partitions: Int = 1, limits: EmbeddedLimits = EmbeddedLimits(), now: @escaping @Sendable () -> Int64 = wallClock
    ) async throws -> DataDirectory {
        try await DataDirectory.open(path, partitions: partitions, limits: limits, logger: quiet, now: now)
    }

    var events: String { path + "/events.sqlite" }
}

/// Another writer of an SQLite file, whose transaction keeps everybody else's from beginning.
final class WriteLock: Sendable {
    private let database: DatabaseQueue

    init(of path: String) throws {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        database = try DatabaseQueue(path: path, configuration: configuration)
        try database.inDatabase { try $0.beginTransaction(.immediate) }
    }

    func release() throws { try database.inDatabase { try $0.rollback() } }
}

/// A connection that has an SQLite file to itself: nobody else can even read it.
final class ExclusiveHold: Sendable {
    private let database: DatabaseQueue

    init(of path: String) throws {
        database = try DatabaseQueue(path: path)
        try database.inDatabase { database in
            try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
            // Taken by the first read, and kept.
            try database.execute(sql: "SELECT count(*) FROM event_batch")
        }
    }

    func release() throws { try database.close() }
}

/// Spoils one byte of an event where it stands in its row, as a disk might.
func spoil(_ record: StoredRecord, in path: String) throws {
    let database = try DatabaseQueue(path: path)
    try database.inDatabase { database in
        try database.execute(
            sql: """
                UPDATE event_batch SET value = CAST(substr(value, 1, instr(value, ?1) - 1) || '[' ||
                  substr(value, instr(value, ?1) + 1) AS BLOB)
                WHERE instr(value, ?1) > 0
                """, arguments: [Data(record.value)])
        #expect(database.changesCount == 1)
    }
    try database.close()
}

/// How often this process has a file open.
func openDescriptors(of path: String) -> Int {
    let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    return descriptors.count {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + $0)) == path
    }
}

/// A record of about `bytes` bytes; the number makes its identity.
func record(_ number: Int, key: String = "s:k", bytes: Int = 0) -> NewRecord {
    let value = #"{"id":"\#(number)","padding":"\#(String(repeating: "x", count: bytes))"}"#
    return NewRecord(key: key, value: Array(value.utf8), identity: StableHash.of("\(number)"))
}

/// Everything that one partition holds.
func contents(of log: any EventLog, partition: Int = 0) async throws -> [StoredRecord] {
    let bounds = try await log.bounds(partition: partition)
    let reader = try await log.reader(partition: partition, from: bounds.lowerBound)
    var all: [StoredRecord] = []
    while case let records = try await reader.next(limit: 1_000, wait: .zero), !records.isEmpty { all += records }
    return all
}

/// `id` of a record's JSON.
func id(_ value: [UInt8]) throws -> String {
    struct Identified: Decodable { var id: String }
    return try JSONDecoder().decode(Identified.self, from: Data(value)).id
}
