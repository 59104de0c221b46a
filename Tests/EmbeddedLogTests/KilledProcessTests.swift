import EmbeddedLog
import EventLog
import LogContract
import Testing

/// What a process was told before `kill -9` is there after it.
struct KilledProcessTests {
    @Test(arguments: [1, 2, 3, 4, 5])
    func everythingAcknowledgedIsThereOnce(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let directory = try TemporaryDirectory()
        var acknowledged: [String] = []
        for _ in 0..<3 {
            let child = try ChildProcess("append", directory.path)
            acknowledged += await child.lines(Int.random(in: 1...3_000, using: &random))
            child.kill()
            acknowledged += await child.lines()
        }

        let data = try await directory.open()
        #expect(data.log.partitionCount == 2)
        var found: [String: String] = [:]
        for partition in 0..<2 {
            let stored = try await contents(of: data.log, partition: partition)
            #expect(stored.map(\.offset) == Array(0..<Int64(stored.count)))
            for record in stored {
                let id = try id(record.value)
                #expect(found.updateValue("\(partition) \(record.offset) \(id)", forKey: id) == nil, "\(id) twice")
            }
        }
        #expect(!acknowledged.isEmpty)
        for line in acknowledged {
            let id = line.split(separator: " ").last.map(String.init) ?? line
            #expect(found[id] == line)
        }
        await data.close()
    }

    @Test(arguments: [1, 2, 3])
    func everyRecordIsScoredOnce(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let directory = try TemporaryDirectory()
        var lastCommitted: Int64 = 0
        for _ in 0..<3 {
            let child = try ChildProcess("score", directory.path)
            var lines = await child.lines(Int.random(in: 1...300, using: &random))
            child.kill()
            lines += await child.lines()
            let committed = lines.compactMap { Int64($0) }
            #expect(committed.count == lines.count, "\(lines)")
            #expect(committed == committed.sorted())
            lastCommitted = max(lastCommitted, committed.last ?? 0)
        }

        let data = try await directory.open()
        var scored: Int64 = 0
        for partition in 0..<2 {
            let position = try await data.outputs.position(partition: partition).flatMap { Int64($0) } ?? 0
            #expect(position <= (try await data.log.bounds(partition: partition).upperBound))
            let reader = try await data.outputs.reader(.scores, partition: partition, from: 0)
            let scores = try await reader.next(limit: 1_000_000, wait: .zero)
            // A score of every record up to the position, in order, and none beyond.
            #expect(scores.map { String(decoding: $0.value, as: UTF8.self) } == (0..<position).map { "\($0)" })
            scored += position
        }
        #expect(scored >= lastCommitted)
        #expect(lastCommitted > 0)
        await data.close()
    }

    @Test func retentionThatIsKilledRemovesNothingElse() async throws {
        let directory = try TemporaryDirectory()
        var data = try await directory.open(partitions: 2)
        for batch in 0..<300 {
            _ = try await data.log.append((0..<10).map { record(batch * 10 + $0, key: "s:\($0)", bytes: 150) })
        }
        let consumer = data.makeConsumer()
        var lowWater: [Int64] = []
        for partition in 0..<2 {
            let end = try await data.log.bounds(partition: partition).upperBound
            // One partition may go but for its newest, the other only in part.
            lowWater.append(partition == 0 ? end : end / 2)
            for start in stride(from: 0, to: end, by: 50) {
                let next = min(start + 50, end)
                let scores = (start..<next).map {
                    OutputRecord(key: "s", value: Array("{\"offset\":\($0)}".utf8))
                }
                try await consumer.commit([
                    ScoredBatch(
                        partition: partition, follows: start == 0 ? nil : start, next: next,
                        lowWaterOffset: lowWater[partition], position: "p", scores: scores, outcomes: [])
                ])
            }
        }
        let before = try await Kept(data)
        await data.close()

        var kills = 0
        for attempt in 1..<100 {
            let process = try ChildProcess(
                "retain", directory.path,
                environment: [FaultPoint.variable: "\(FaultPoint.retention.rawValue):\(attempt % 3 + 1)"])
            let said = await process.lines()
            data = try await directory.open()
            #expect(try await data.check().problems == 0)
            let kept = try await Kept(data)
            for partition in 0..<2 {
                let events = kept.events[partition]
                #expect(events == before.events[partition].suffix(events.count))
                let start = try #require(events.first).offset
                #expect(start <= lowWater[partition])
                let scores = kept.scores[partition]
                #expect(scores == before.scores[partition].suffix(scores.count))
                #expect(try #require(scores.first).offset <= start)
            }
            await data.close()
            if said == ["done"] {
                #expect(kept.events[0].count < 20 && kept.events[1].count <= before.events[1].count / 2 + 20)
                break
            }
            #expect(said == [])
            kills += 1
        }
        #expect(kills >= 5 && kills < 98, "\(kills) kills")
    }

    @Test func aFullDiskLosesNothingThatWasAcknowledged() async throws {
        let directory = try TemporaryDirectory()
        let lines = await (try ChildProcess("fill", directory.path, "6000000")).lines()
        let failure = try #require(lines.firstIndex { $0.hasPrefix("full: the events log could not be written") })
        #expect(failure > 0)
        // Once there is room again, the same process goes on.
        #expect(lines.count == failure + 1 + 10)

        let data = try await directory.open()
        var stored: Set<String> = []
        for partition in 0..<2 {
            for record in try await contents(of: data.log, partition: partition) {
                stored.insert("\(partition) \(record.offset) \(try id(record.value))")
            }
        }
        #expect(stored == Set(lines[..<failure] + lines[(failure + 1)...]))
        await data.close()
    }
}
