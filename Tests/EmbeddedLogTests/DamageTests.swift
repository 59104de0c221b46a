import EmbeddedLog
import EventLog
import Foundation
import GRDB
import LogContract
import Testing

/// Whatever becomes of the files, nobody is given other data than what was written: what is damaged is found.
struct DamageTests {
    /// A directory with everything in it, closed.
    private static func whole() async throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        let data = try await directory.open(partitions: 2, now: { 1_000 })
        for batch in 0..<30 {
            let records = (0..<20).map { record(batch * 20 + $0, key: "s:\($0)", bytes: $0 == 7 ? 9_000 : 120) }
            _ = try await data.log.append(records)
        }
        let row = ReplayRow(number: 1, content: .event(record(-1)))
        _ = try await data.log.append([row], ofReplay: "june")
        try await data.log.reject([RejectedRecord(time: 1, source: "collect", reason: "r", bytes: [1, 2, 3])])
        let consumer = data.makeConsumer()
        _ = try await consumer.next(limit: 1)
        let outputs = (0..<300).map { OutputRecord(key: "s:k", value: Array("{\"offset\":\($0)}".utf8)) }
        try await consumer.commit([
            ScoredBatch(
                partition: 0, follows: nil, next: 300, lowWaterOffset: 7, position: "where it stands", scores: outputs,
                outcomes: Array(outputs.prefix(50)))
        ])
        await data.close()
        return directory
    }

    private static func copy(_ directory: TemporaryDirectory) throws -> TemporaryDirectory {
        let copy = try TemporaryDirectory()
        for file in ["events.sqlite", "scores.sqlite"] {
            try FileManager.default.copyItem(atPath: directory.path + "/" + file, toPath: copy.path + "/" + file)
        }
        return copy
    }

    /// One damage of a kind that disks and cables do.
    private static func damage(_ bytes: inout Data, _ random: inout SeededRandom) -> String {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        let page = place / 4_096 * 4_096
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            let bit = Int.random(in: 0..<8, using: &random)
            bytes[place] ^= 1 << bit
            return "bit \(bit) of byte \(place)"
        case 1:
            let end = min(bytes.count, place + Int.random(in: 2...64, using: &random))
            for index in place..<end { bytes[index] = UInt8.random(in: 0...255, using: &random) }
            return "bytes \(place)..<\(end)"
        case 2:
            // A torn page: its second half never came to the disk.
            for index in (page + 2_048)..<(page + 4_096) { bytes[index] = 0 }
            return "the second half of the page at \(page)"
        default:
            // A write that went astray: another page stands there.
            let other = Int.random(in: 0..<(bytes.count / 4_096), using: &random) * 4_096
            bytes.replaceSubrange(page..<(page + 4_096), with: bytes[other..<(other + 4_096)])
            return "the page at \(page), replaced by that at \(other)"
        }
    }

    @Test(arguments: (1...6) as ClosedRange<UInt64>)
    func damageIsFoundOrDoesNoHarm(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let directory = try await Self.whole()
        let sound = try await DataDirectory.openReadOnly(directory.path)
        let expected = try await Kept(sound)
        #expect(try await sound.check().problems == 0)
        await sound.close()
        var found = 0
        for round in 0..<12 {
            let damaged = try Self.copy(directory)
            let file = damaged.path + (Bool.random(using: &random) ? "/events.sqlite" : "/scores.sqlite")
            var bytes = try Data(contentsOf: URL(filePath: file))
            let what = "\(file.split(separator: "/").last ?? ""), \(Self.damage(&bytes, &random)), round \(round)"
            try bytes.write(to: URL(filePath: file))
            let data: DataDirectory
            do { data = try await DataDirectory.openReadOnly(damaged.path) } catch {
                found += 1
                continue
            }
            let report = try await data.check()
            if report.problems > 0 {
                found += 1
            } else {
                #expect(try await Kept(data) == expected, "\(what) was not found")
            }
            // Readers, too, give what was written or nothing.
            for partition in 0..<min(2, data.log.partitionCount) {
                for record in await Self.readable(data.log, partition) {
                    let offset = Int(record.offset)
                    #expect(
                        expected.events[partition].indices.contains(offset)
                            && expected.events[partition][offset] == record, "\(what): offset \(offset)")
                }
            }
            await data.close()
        }
        #expect(found > 0)
    }

    /// What readers give before they complain.
    private static func readable(_ log: EmbeddedLog, _ partition: Int) async -> [StoredRecord] {
        var records: [StoredRecord] = []
        guard let reader = try? await log.reader(partition: partition, from: 0) else { return [] }
        while let run = try? await reader.next(limit: 100, wait: .zero), !run.isEmpty { records += run }
        return records
    }

    @Test func aWrongChecksumNamesThePlaceAndTheRemedy() async throws {
        let directory = try await Self.whole()
        let sound = try await DataDirectory.openReadOnly(directory.path)
        let events = try await contents(of: sound.log)
        await sound.close()
        try spoil(events[5], in: directory.events)
        let data = try await DataDirectory.openReadOnly(directory.path)
        let reader = try await data.log.reader(partition: 0, from: 0)
        #expect(try await reader.next(limit: 100, wait: .zero).map(\.offset) == [0, 1, 2, 3, 4])
        let message = """
            the record of partition 0, offset 5 of events is damaged, its checksum does not match; `dinghy verify` \
            shows what is damaged, docs/operations.md what to do about it
            """
        await #expect(throws: EventLogError.unusable(message)) { try await reader.next(limit: 100, wait: .zero) }
        let report = try await data.check()
        #expect(
            report.findings == [StorageCheck.Finding(file: "events.sqlite", partition: 0, offset: 5, problem: message)])
        await data.close()
    }

    @Test func gapsAndDisorderAreFound() async throws {
        let directory = try await Self.whole()
        // Appends of twenty, of which each partition got some: a row each.
        var firsts: [[Int64]] = []
        try DatabaseQueue(path: directory.events).inDatabase { database in
            firsts = try (0..<2).map { partition in
                try Int64.fetchAll(
                    database, sql: "SELECT key & 0xffffffffffff FROM event_batch WHERE key >> 48 = ? ORDER BY key",
                    arguments: [partition])
            }
            let row = "WHERE key = ? << 48 | ?"
            try database.execute(sql: "DELETE FROM event_batch \(row)", arguments: [0, firsts[0][2]])
            try database.execute(sql: "UPDATE event_batch SET time = 5 \(row)", arguments: [1, firsts[1][2]])
            try database.execute(sql: "UPDATE event_batch SET count = count + 1 \(row)", arguments: [1, firsts[1][4]])
            try database.execute(sql: "UPDATE event_batch SET count = 0 \(row)", arguments: [1, firsts[1][6]])
            try database.execute(
                sql: "UPDATE event_batch SET value = substr(value, 1, length(value) - 1) \(row)",
                arguments: [1, firsts[1][8]])
        }
        let data = try await DataDirectory.openReadOnly(directory.path)
        let findings = try await data.check().findings
        func has(_ partition: Int, _ offset: Int64, _ problem: String) -> Bool {
            findings.contains {
                $0.partition == partition && $0.offset == offset && $0.problem.contains(problem)
            }
        }
        #expect(has(0, firsts[0][2], "offsets from here to \(firsts[0][3] - 1) are missing"))
        for offset in firsts[1][2]..<firsts[1][3] { #expect(has(1, offset, "checksum")) }
        #expect(has(1, firsts[1][5], "it cannot be read from offset \(firsts[1][5]) on"))
        #expect(has(1, firsts[1][6], "it cannot be read from offset \(firsts[1][6]) on"))
        #expect(has(1, firsts[1][9] - 1, "it cannot be read from offset \(firsts[1][9] - 1) on"))
        await data.close()
    }
}
