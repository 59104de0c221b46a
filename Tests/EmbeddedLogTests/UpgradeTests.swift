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

    @Test func anOldDirectoryIsReadAsItIs() async throws {
        let directory = try TemporaryDirectory()
        try Version1.make(in: directory)
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
        #expect(report.withoutChecksum == 7)
        await data.close()
        #expect(try Data(contentsOf: URL(filePath: directory.events)) == before)
    }

    @Test func anOldDirectoryIsMigratedAndGoesOn() async throws {
        let directory = try TemporaryDirectory()
        try Version1.make(in: directory)
        let old = try await DataDirectory.openReadOnly(directory.path)
        let expected = try await Kept(old)
        await old.close()

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
        #expect(report.withoutChecksum == 7)
        #expect(report.events == 6)
        await data.close()
        for file in ["events", "scores"] { #expect(try Self.version("\(directory.path)/\(file).sqlite") == 2) }
        data = try await directory.open()
        #expect(try await data.check().problems == 0)
        await data.close()
    }

    @Test func aMigrationMayBeKilledAnywhere() async throws {
        let tools = try TemporaryDirectory()
        guard let disk = try FailingDisk(in: tools.path) else {
            print("skipped: there is no C compiler")
            return
        }
        var kills = 0
        for count in 0..<200 {
            let directory = try TemporaryDirectory()
            try Version1.make(in: directory)
            let old = try await DataDirectory.openReadOnly(directory.path)
            let expected = try await Kept(old)
            await old.close()
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
