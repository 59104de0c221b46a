import EmbeddedLog
import EventLog
import Foundation
import GRDB
import LogContract
import Testing

/// What a repair keeps, what it drops, and what it says of that.
struct RepairTests {
    /// - Parameter run: records of an append; each partition's share of it is a row.
    private static func whole(by run: Int = 1) async throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        let data = try await directory.open(partitions: 2, now: { 1_000 })
        for first in stride(from: 0, to: 400, by: run) {
            let records = (first..<(first + run)).map { number in
                let value = """
                    {"id":"\(number)","session":"\(number % 7)","type":"detail","sku":"p","timestamp":1700000000000,"received":1}
                    """
                return NewRecord(
                    key: "s:\(number % 7)", value: Array(value.utf8), identity: UInt64(number + 1))
            }
            _ = try await data.log.append(records)
        }
        try await data.log.reject([RejectedRecord(time: 1, source: "collect", reason: "r", bytes: [1])])
        let consumer = data.makeConsumer()
        _ = try await consumer.next(limit: 1)
        let end = try await data.log.bounds(partition: 0).upperBound
        try await consumer.commit([
            ScoredBatch(
                partition: 0, follows: nil, next: end, lowWaterOffset: 0, position: "p",
                scores: (0..<end).map { OutputRecord(key: "s", value: Array("{\"offset\":\($0)}".utf8)) }, outcomes: [])
        ])
        await data.close()
        return directory
    }

    @Test func aSoundDirectoryNeedsNone() async throws {
        let directory = try await Self.whole()
        let repair = try await TailRepair(directory.path)
        #expect(repair.cuts.allSatisfy { $0.reason == nil && $0.end == $0.lostEnd })
        #expect(!repair.outputsAreDamaged)
        await repair.close()
    }

    @Test(arguments: [1, 40]) func everythingBeforeTheDamageStays(run: Int) async throws {
        let directory = try await Self.whole(by: run)
        let before = try await DataDirectory.openReadOnly(directory.path)
        let expected = try await Kept(before)
        await before.close()
        try spoil(expected.events[0][50], in: directory.events)

        let repair = try await TailRepair(directory.path)
        let cut = repair.cuts[0]
        let end = Int64(expected.events[0].count)
        #expect(cut.end == 50 && cut.lostEnd == end && cut.start == 0)
        #expect(cut.reason?.contains("offset 50 of events is damaged") == true)
        #expect(cut.readable == end - 50)
        #expect(cut.sessions.values.reduce(0, +) == Int(end) - 51)
        #expect(cut.timelines == ["live": Int(end) - 51])
        #expect(repair.cuts[1].reason == nil)
        try await repair.apply([
            .init(scoresEnd: 50, outcomesEnd: 0, position: (50, 3, "earlier")),
            .init(scoresEnd: 0, outcomesEnd: 0, position: nil),
        ])
        await repair.close()

        let data = try await directory.open()
        #expect(try await data.check().problems == 0)
        let kept = try await Kept(data)
        #expect(kept.events == [Array(expected.events[0][..<50]), expected.events[1]])
        #expect(kept.scores == [Array(expected.scores[0][..<50]), []])
        #expect(kept.positions == ["earlier", nil])
        #expect(kept.rejected == expected.rejected)
        // What went may come again.
        let again = NewRecord(key: "s:0", value: [123, 125], identity: 401)
        #expect(try await data.log.append([again]) != [.duplicate])
        await data.close()
        for file in ["events", "scores"] {
            #expect(FileManager.default.fileExists(atPath: "\(directory.path)/\(file).sqlite.damaged"))
        }
    }

    /// Of a partition's newest row: fewer records than it holds, more, and more than any row can.
    @Test(arguments: [-2, 3, 100_000]) func aRowThatMiscountsIsCutOff(by error: Int) async throws {
        let directory = try await Self.whole(by: 40)
        let before = try await DataDirectory.openReadOnly(directory.path)
        let expected = try await Kept(before)
        await before.close()
        let newest = "key = (SELECT max(key) FROM event_batch WHERE key < 1 << 48)"
        let database = try DatabaseQueue(path: directory.events)
        let count = try database.inDatabase { database in
            defer { #expect(database.changesCount == 1) }
            let count = try Int.fetchOne(database, sql: "SELECT count FROM event_batch WHERE \(newest)") ?? 0
            try database.execute(
                sql: "UPDATE event_batch SET count = count + ? WHERE \(newest)", arguments: [error])
            return count
        }
        try database.close()

        let repair = try await TailRepair(directory.path)
        let cut = repair.cuts[0]
        let end = Int64(expected.events[0].count)
        #expect(cut.reason?.contains("it cannot be read from offset") == true)
        #expect(cut.start == 0 && cut.end <= end && cut.end >= end - Int64(count), "\(cut)")
        #expect(repair.cuts[1].reason == nil)
        try await repair.apply(nil)
        await repair.close()
        let data = try await DataDirectory.openReadOnly(directory.path)
        #expect(
            try await Kept(data).events
                == [Array(expected.events[0][..<Int(cut.end)]), expected.events[1]])
        await data.close()
    }

    @Test func damagedScoresLeaveWhatIsSound() async throws {
        let directory = try await Self.whole(by: 40)
        let database = try DatabaseQueue(path: directory.path + "/scores.sqlite")
        try database.inDatabase { try $0.execute(sql: "UPDATE score_batch SET count = count - 1") }
        try database.close()
        let repair = try await TailRepair(directory.path)
        #expect(repair.damagedOutputs == [[.scores], []])
        #expect(repair.damagedPositions == [])
        let kept = try await repair.outputs.bounds(.scores, partition: 0)
        let end = try await repair.log.bounds(partition: 0).upperBound
        #expect(kept == 0..<(end - 2))
        await repair.close()
    }

    @Test func aBrokenPageIsCutOffToo() async throws {
        let directory = try await Self.whole()
        let before = try await DataDirectory.openReadOnly(directory.path)
        let expected = try await Kept(before)
        await before.close()
        // The page that holds a record of the middle.
        var bytes = try Data(contentsOf: URL(filePath: directory.events))
        let place = try #require(bytes.range(of: Data(#"{"id":"200""#.utf8))).lowerBound / 4_096 * 4_096
        for index in place..<(place + 4_096) { bytes[index] = 0 }
        try bytes.write(to: URL(filePath: directory.events))

        let repair = try await TailRepair(directory.path)
        let damaged = try #require(repair.cuts.first { $0.reason != nil })
        #expect(repair.cuts.count { $0.reason != nil } == 1)
        try await repair.apply(nil)
        await repair.close()
        let data = try await DataDirectory.openReadOnly(directory.path)
        let kept = try await Kept(data)
        for partition in 0..<2 {
            let end = partition == damaged.partition ? Int(damaged.end) : expected.events[partition].count
            #expect(kept.events[partition] == Array(expected.events[partition][..<end]))
        }
        await data.close()
    }

    @Test func aRepairMayBeKilledAnywhere() async throws {
        let tools = try TemporaryDirectory()
        guard let disk = try FailingDisk(in: tools.path) else {
            print("skipped: there is no C compiler")
            return
        }
        let whole = try await Self.whole(by: 40)
        let before = try await DataDirectory.openReadOnly(whole.path)
        var expected = try await Kept(before)
        await before.close()
        try spoil(expected.events[0][50], in: whole.events)
        expected.events[0] = Array(expected.events[0][..<50])
        var kills = 0
        for count in 0..<400 {
            let directory = try TemporaryDirectory()
            for file in ["events.sqlite", "scores.sqlite"] {
                try FileManager.default.copyItem(atPath: whole.path + "/" + file, toPath: directory.path + "/" + file)
            }
            try disk.begin(.killed(before: count), of: "*")
            let said = await (try ChildProcess("repair", directory.path, environment: disk.environment)).lines()
            try disk.end()
            // Nothing was changed, or the repair is finished by the next one.
            let repair = try await TailRepair(directory.path)
            try await repair.apply(nil)
            await repair.close()
            let data = try await DataDirectory.openReadOnly(directory.path)
            #expect(try await Kept(data) == expected, "killed before write \(count)")
            #expect(try await data.check().problems == 0, "killed before write \(count)")
            await data.close()
            if said == ["done"] { break }
            #expect(said == [])
            kills += 1
        }
        #expect(kills >= 5, "only \(kills) kills")
        #expect(kills < 400, "it never came to its end")
    }

    @Test func aRepairThatWaitsForItsPlaceIsFinishedFirst() async throws {
        let directory = try await Self.whole()
        try FileManager.default.copyItem(atPath: directory.events, toPath: directory.events + ".repaired")
        await #expect {
            try await directory.open()
        } throws: {
            "\($0)".contains("a repair of \(directory.path) was cut short: finish it with `dinghy repair")
        }
        await (try await TailRepair(directory.path)).close()
        let data = try await directory.open()
        #expect(try await data.check().problems == 0)
        await data.close()
    }
}
