import EmbeddedLog
import EventLog
import Foundation
import LogContract
import SpooledLog
import Testing

/// What a process was told is spooled reaches the log, whoever is killed on the way.
struct KilledProcessTests {
    @Test(arguments: [1, 2, 3])
    func everythingSpooledReachesTheLogInOrder(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let directory = try TemporaryDirectory()
        var spooled: [String] = []
        for _ in 0..<3 {
            let child = try ChildProcess("spool", directory.path)
            spooled += await child.lines(Int.random(in: 1...800, using: &random))
            child.kill()
            spooled += await child.lines()
        }
        #expect(!spooled.isEmpty)
        #expect(spooled.allSatisfy { $0.split(separator: "-").count == 3 }, "\(spooled.last ?? "")")
        for _ in 0..<4 {
            let child = try ChildProcess("drain", directory.path)
            _ = await child.lines(Int.random(in: 1...4, using: &random))
            child.kill()
            // Its locks are free once its output has ended.
            _ = await child.lines()
        }
        #expect(await (try ChildProcess("drain", directory.path)).lines().last == "0")

        let data = try await DataDirectory.open(directory.path + "/log", partitions: 2, logger: quiet, now: wallClock)
        var found: [String: Int] = [:]
        struct Identified: Decodable { var id: String }
        for partition in 0..<2 {
            let reader = try await data.log.reader(partition: partition, from: 0)
            while case let records = try await reader.next(limit: 1_000, wait: .zero), !records.isEmpty {
                for record in records {
                    let id = try JSONDecoder().decode(Identified.self, from: Data(record.value)).id
                    #expect(found.updateValue(Int(record.offset), forKey: id) == nil, "\(id) twice")
                }
            }
        }
        await data.close()
        for id in spooled { #expect(found[id] != nil, "\(id) is lost") }
        // One task's numbers rise with its offsets: it waited for each before it sent the next.
        let senders = Dictionary(grouping: found.keys) { $0.split(separator: "-").dropLast().joined(separator: "-") }
        for ids in senders.values {
            let numbers = ids.sorted { (found[$0] ?? 0) < (found[$1] ?? 0) }
                .compactMap { $0.split(separator: "-").last.flatMap { Int($0) } }
            #expect(numbers == Array(0..<ids.count))
        }
    }

    @Test func aFullDiskLosesNothingThatWasSpooled() async throws {
        let directory = try TemporaryDirectory()
        let lines = await (try ChildProcess("spoolfull", directory.path, "40000")).lines()
        let failure = try #require(lines.firstIndex { $0.hasPrefix("full: ") }, "\(lines)")
        #expect(failure > 0)
        #expect(lines[failure] == "full: the log's buffer is full, try again in 5 s")
        #expect(lines.count == failure + 1 + 10)
        let spooled = Set(lines[..<failure] + lines[(failure + 1)...])

        let broker = Broker()
        let settings = TemporaryDirectory.settings(at: directory.path + "/spool")
        let log = try await directory.open(over: broker, settings)
        try await drained(log)
        await log.close()
        let found = broker.stored.map { String(decoding: $0.value, as: UTF8.self) }
        #expect(broker.kept == [])
        for id in spooled { #expect(found.contains { $0.contains("\"\(id)\"") }, "\(id) is lost") }
    }
}
