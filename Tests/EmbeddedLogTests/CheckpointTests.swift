import EmbeddedLog
import EventLog
import Foundation
import GRDB
import Testing

/// The WAL is moved into the file beside the appends, and does not grow for ever.
struct CheckpointTests {
    private static var small: EmbeddedLimits {
        var limits = EmbeddedLimits()
        limits.checkpointPages = 32
        limits.walPages = 128
        return limits
    }

    /// How often a WAL has started anew: a counter in its header
    /// (https://www.sqlite.org/fileformat.html#the_write_ahead_log).
    private static func restarts(_ path: String) throws -> UInt32 {
        let file = try FileHandle(forReadingFrom: URL(filePath: path + "-wal"))
        defer { try? file.close() }
        let header = try file.read(upToCount: 16) ?? Data()
        return header.dropFirst(12).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Appends until the WAL has started anew `count` times.
    private static func append(
        to log: EmbeddedLog, _ directory: TemporaryDirectory, untilRestarts count: UInt32, from first: Int
    ) async throws -> Int {
        let before = try restarts(directory.events)
        var number = first
        while try restarts(directory.events) < before + count {
            try #require(number - first < 400_000, "the WAL has not started anew in 80 MB of appends")
            _ = try await log.append((number..<(number + 20)).map { record($0, bytes: 180) })
            number += 20
        }
        return number
    }

    @Test func theWALStartsAnewUnderSteadyLoad() async throws {
        let directory = try TemporaryDirectory()
        let data = try await directory.open(limits: Self.small)
        _ = try await data.log.append([record(-1)])
        let count = try await Self.append(to: data.log, directory, untilRestarts: 5, from: 0)
        let stored = try await contents(of: data.log)
        #expect(stored.map(\.value) == (-1..<count).map { record($0, bytes: $0 < 0 ? 0 : 180).value })
        await data.close()
        #expect(!FileManager.default.fileExists(atPath: directory.events + "-wal"))
    }

    @Test func aTransactionLeftOpenForReadingHoldsUpNoAppend() async throws {
        let directory = try TemporaryDirectory()
        let data = try await directory.open(limits: Self.small)
        _ = try await data.log.append([record(-1)])
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let reader = try DatabaseQueue(path: directory.events, configuration: configuration)
        try reader.inDatabase { database in
            try database.beginTransaction(.deferred)
            #expect(try Int.fetchOne(database, sql: "SELECT sum(count) FROM event_batch") == 1)
        }
        for number in 0..<400 {
            _ = try await data.log.append((0..<20).map { record(number * 20 + $0, bytes: 180) })
        }
        try reader.inDatabase { database in
            #expect(try Int.fetchOne(database, sql: "SELECT sum(count) FROM event_batch") == 1)
            try database.commit()
        }
        try reader.close()
        _ = try await Self.append(to: data.log, directory, untilRestarts: 1, from: 8_000)
        await data.close()
    }
}
