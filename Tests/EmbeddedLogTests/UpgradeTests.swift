import EmbeddedLog
import EventLog
import Foundation
import GRDB
import LogContract
import Testing

/// An old directory opens, wherever its migration was cut short.
struct UpgradeTests {
    private static func version(_ path: String) throws -> Int {
        var configuration = Configuration()
        configuration.readonly = true
        return try DatabaseQueue(path: path, configuration: configuration).read {
            try Int.fetchOne($0, sql: "PRAGMA user_version") ?? 0
        }
    }

    @Test(arguments: OldVersion.allCases) func anOldDirectoryIsReadAsItIs(_ old: OldVersion) async throws {
        let directory = try TemporaryDirectory()
        try old.make(in: directory)
        let before = try Data(contentsOf: URL(filePath: directory.events))
        let data = try await DataDirectory.openReadOnly(directory.path)
        let kept = try await Kept(data)
        #expect(kept.events.map { $0.map(\.time) } == [[1_000, 1_000, 2_000], [1_500]])
        #expect(
            kept.events[0].map { String(decoding: $0.value, as: UTF8.self) }
                == ["a", "b", "c"].map { "{\"id\":\"\($0)\"}" })
        #expect(kept.scores.map(\.count) == [2, 0])
        #expect(kept.outcomes.map(\.count) == [1, 0])
        #expect(kept.positions == ["as it was", nil])
        #expect(kept.rejected.map(\.reason) == ["type: missing"])
        #expect(kept.marks == ["june": ReplayMark(lastRow: 1, ended: false)])
        let report = try await data.check()
        #expect(report.problems == 0, "\(report.findings)")
        #expect(report.withoutChecksum == old.withoutChecksum)
        await data.close()
        #expect(try Data(contentsOf: URL(filePath: directory.events)) == before)
    }

    @Test(arguments: OldVersion.allCases) func anOldDirectoryIsMigratedAndGoesOn(_ old: OldVersion) async throws {
        let directory = try TemporaryDirectory()
        try old.make(in: directory)
        let before = try await DataDirectory.openReadOnly(directory.path)
        let expected = try await Kept(before)
        await before.close()

        var data = try await directory.open()
        #expect(try await Kept(data) == expected)
        // Identities from before are known still.
        #expect(try await data.log.append([NewRecord(key: "s:k", value: [123, 125], identity: 11)]) == [.duplicate])
        #expect(
            try await data.log.append([record(1)]) == [
                .stored(
                    Location(
                        partition: Partitioner.partition(ofKey: "s:k", count: 2),
                        offset: Partitioner.partition(ofKey: "s:k", count: 2) == 0 ? 3 : 1))
            ])
        let rows = [ReplayRow(number: 2, content: .event(record(7)))]
        #expect(try await data.log.append(rows, ofReplay: "june") == ReplayAppended(stored: 1))
        let report = try await data.check()
        #expect(report.problems == 0, "\(report.findings)")
        #expect(report.withoutChecksum == old.withoutChecksum)
        #expect(report.events == 6)
        // Scores go on behind the old ones.
        let consumer = data.makeConsumer()
        _ = try await consumer.next(limit: 1)
        let score = OutputRecord(key: "s:k", value: Array("{\"offset\":2}".utf8))
        try await consumer.commit([
            ScoredBatch(
                partition: 0, follows: 2, next: 3, lowWaterOffset: 0, position: "p", scores: [score], outcomes: [])
        ])
        #expect(try await Kept(data).scores[0].map(\.offset) == [0, 1, 2])
        #expect(try await data.log.firstOffset(partition: 0, atOrAfter: 2_000) == 2)
        #expect(try await data.log.firstOffset(partition: 0, atOrAfter: 2_001) == 3)
        await data.close()
        for file in ["events", "scores"] { #expect(try Self.version("\(directory.path)/\(file).sqlite") == 3) }
        data = try await directory.open()
        #expect(try await data.check().problems == 0)
        await data.close()
    }

    @Test(arguments: OldVersion.allCases) func oldRowsAndNewOnesAreOneLog(_ old: OldVersion) async throws {
        let directory = try TemporaryDirectory()
        try old.make(in: directory)
        var data = try await directory.open(now: { 3_000 })
        let partition = Partitioner.partition(ofKey: "s:k", count: 2)
        let start = try await data.log.bounds(partition: partition).upperBound
        _ = try await data.log.append((0..<20).map { record($0) })
        let whole = try await contents(of: data.log, partition: partition)
        #expect(whole.map(\.offset) == Array(0..<(start + 20)))
        // From every offset on, whether it begins a row or not.
        for offset in 0..<(start + 20) {
            let reader = try await data.log.reader(partition: partition, from: offset)
            #expect(try await reader.next(limit: 100, wait: .zero) == Array(whole[Int(offset)...]))
        }
        await data.close()

        // Identities on both sides of the seam are known again.
        data = try await directory.open(now: { 3_000 })
        let again = (0..<20).map { record($0) } + [NewRecord(key: "s:k", value: [123, 125], identity: 11)]
        #expect(try await data.log.append(again).allSatisfy { $0 == .duplicate })
        await data.close()

        try spoil(whole[Int(start) + 12], in: directory.events)
        let repair = try await TailRepair(directory.path)
        #expect(repair.cuts[partition].end == start + 12)
        #expect(repair.cuts[partition].readable == 8)
        try await repair.apply(nil)
        await repair.close()

        var retention = RetentionSettings(age: .seconds(3_600))
        retention.delay = .seconds(100_000)
        data = try await DataDirectory.open(
            directory.path, retention: retention, logger: quiet, now: { 7_203_000 })
        #expect(try await contents(of: data.log, partition: partition) == Array(whole[..<(Int(start) + 12)]))
        let next = try await data.outputs.position(partition: partition) == nil ? nil : Int64(2)
        try await data.makeConsumer().commit([
            ScoredBatch(
                partition: partition, follows: next, next: start + 12, lowWaterOffset: start + 12, position: "p",
                scores: [], outcomes: [])
        ])
        #expect(try await data.sweep() == start)
        #expect(try await data.log.bounds(partition: partition) == start..<(start + 12))
        let report = try await data.check()
        #expect(report.problems == 0, "\(report.findings)")
        await data.close()
    }

    @Test(arguments: OldVersion.allCases) func aMigrationMayBeKilledAnywhere(_ old: OldVersion) async throws {
        let tools = try TemporaryDirectory()
        guard let disk = try FailingDisk(in: tools.path) else {
            print("skipped: there is no C compiler")
            return
        }
        var kills = 0
        for count in 0..<200 {
            let directory = try TemporaryDirectory()
            try old.make(in: directory)
            let before = try await DataDirectory.openReadOnly(directory.path)
            let expected = try await Kept(before)
            await before.close()
            try disk.begin(.killed(before: count), of: "*")
            let said = await (try ChildProcess("migrate", directory.path, environment: disk.environment)).lines()
            try disk.end()
            let data = try await directory.open()
            #expect(try await Kept(data) == expected, "killed before write \(count)")
            #expect(try await data.check().problems == 0, "killed before write \(count)")
            await data.close()
            if said == ["done"] { break }
            #expect(said == [])
            kills += 1
        }
        #expect(kills >= 10, "only \(kills) kills")
        #expect(kills < 200, "it never came to its end")
    }
}
