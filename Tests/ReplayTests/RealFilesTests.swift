import EmbeddedLog
import EventLog
import Events
import Foundation
import Logging
import Replay
import Sessions
import Testing

/// Real shops, where their files are at hand: DINGHY_TEST_DATA, by default `../shared/data`.
struct RealFilesTests {
    private static let folder = ProcessInfo.processInfo.environment["DINGHY_TEST_DATA"] ?? "../shared/data"

    private static func isThere(_ names: String...) -> Bool {
        names.allSatisfy { FileManager.default.fileExists(atPath: "\(folder)/\($0).csv.xz") }
    }

    private static let why: Comment = "the real files are not there: see DINGHY_TEST_DATA"

    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func unpack(_ name: String) throws -> String {
        let path = "\(directory.path)/\(name).csv"
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["xz", "-dc", "\(Self.folder)/\(name).csv.xz"]
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: path))
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return path
    }

    /// Replays files twice, each under its own digest, and folds the log.
    private func replayed(_ names: [String]) async throws -> (rows: [Int], sessions: SessionCounters, events: Int64) {
        let data = try await DataDirectory.open(
            directory.path + "/data", partitions: 2, logger: .silent, now: { 1_700_000_000_000 })
        var rows: [Int] = []
        for name in names {
            let path = try unpack(name)
            let replayer = Replayer(
                options: ReplayOptions(temporaryDirectory: directory.path), sink: EventLogSink(log: data.log),
                logger: .silent)
            let result = try await replayer.run(.file(path))
            #expect(result.counts == ReplayCounts(stored: result.counts.rows))
            #expect(result.spilled_bytes == 0 && result.ended)
            rows.append(result.counts.rows)
            let again = try await replayer.run(.file(path))
            #expect(again.counts == ReplayCounts(duplicates: result.counts.rows))
        }
        var sessions = SessionCounters()
        var events: Int64 = 0
        for partition in 0..<data.log.partitionCount {
            let reader = try await data.log.reader(partition: partition, from: 0)
            var fold = SessionFold()
            while case let records = try await reader.next(limit: 10_000, wait: .zero), !records.isEmpty {
                for record in records {
                    let entry = try RecordCoder.decode(record.value)
                    _ = fold.fold(offset: record.offset, time: record.time, entry: entry, scoring: true) { _ in }
                }
            }
            #expect(fold.openSessions == 0)
            sessions.closed += fold.sessionCounters.closed
            sessions.withAdd += fold.sessionCounters.withAdd
            sessions.purchased += fold.sessionCounters.purchased
            events += fold.counters.scored + fold.counters.afterPurchase
        }
        await data.close()
        return (rows, sessions, events)
    }

    @Test(.enabled(if: isThere("rees46_201910_slice"), why))
    func aMarketPlaceIsReplayedWhole() async throws {
        let (rows, sessions, events) = try await replayed(["rees46_201910_slice"])
        #expect(rows == [17_434] && events == 17_434)
        #expect(sessions.closed == 5_067 && sessions.withAdd == 118 && sessions.purchased == 200)
    }

    @Test(.enabled(if: isThere("serenade_bol_train", "serenade_bol_valid", "serenade_bol_test"), why))
    func threeFilesAreThreeReplaysOnOneLog() async throws {
        let (rows, sessions, _) = try await replayed([
            "serenade_bol_train", "serenade_bol_valid", "serenade_bol_test",
        ])
        #expect(rows.reduce(0, +) == 116_285)
        #expect(sessions.closed == 24_667)
    }

    @Test(.enabled(if: isThere("otto_official_sample"), why))
    func fourWeeksOfTwentyVisitorsAreReplayedWhole() async throws {
        let (rows, sessions, _) = try await replayed(["otto_official_sample"])
        #expect(rows == [862])
        #expect(sessions.closed == 144 && sessions.withAdd == 21 && sessions.purchased == 5)
    }
}
