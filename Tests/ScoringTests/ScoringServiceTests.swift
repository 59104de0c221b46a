import EmbeddedLog
import EventLog
import Events
import Scoring
import Sessions
import Synchronization
import Testing

/// Scoring on a real embedded log.
@Suite(.timeLimit(.minutes(2)))
struct ScoringServiceTests {
    @Test func everyRecordEndsInOneAccount() async throws {
        try await withShop { shop in
            let visits = ["a", "b"]
            func event(_ session: String, _ id: String, _ kind: EventKind) -> Event {
                Event(id: id, session: session, kind: kind, timestamp: shop.time.now, sku: "x")
            }
            try await shop.append([event("a", "1", .detail), event("a", "1", .detail), event("b", "1", .add)])
            try await shop.append([
                event("b", "2", .purchase), event("b", "3", .detail), event("b", "4", .purchase),
            ])
            try await shop.append(
                [Array("not JSON".utf8), Array(#"{"id":"9"}"#.utf8), [0xff]], keys: ["s:a", "s:a", "s:b"])
            try await shop.data.log.appendTick(partition: 0)
            try await shop.append((5..<10).map { event("a", "\($0)", .detail) })
            var settings = ScoringService.Settings.test
            settings.parameters = FoldParameters(
                idleGap_ms: 1_800_000, maxRecords: 4, maxDuration_ms: 86_400_000, maxReplays: 12)
            let model = try TestModels.first()
            try await shop.scoreEverything(settings: settings) { $0 == nil ? model : nil }

            var expected = Counters()
            expected.scored = 4  // a: 1, 5 and 6; b: 1
            expected.repeated = 1
            expected.afterPurchase = 3
            expected.rejected = 3
            expected.control = 1
            expected.muted = 3  // a has had its four records
            let position = try #require(try await shop.position())
            #expect(position.counters == expected)
            #expect(position.next - position.start == expected.total)
            #expect(try await shop.scores().map(\.prefix) == [1, 1, 2, 3])
            #expect(visits.count == Int(position.sessions.opened))
        }
    }

    @Test(arguments: [31, 32] as [UInt64])
    func scoresEqualThoseOfTheSamePrefixOffline(seed: UInt64) async throws {
        try await withShop { shop in
            var events = SyntheticShop(seed: seed)
            try await shop.append(events.events(1_500))
            let model = try TestModels.first()
            try await shop.scoreEverything { $0 == nil ? model : nil }
            let offline = offlineScores(
                try await shop.records().map { ($0.offset, $0.time, $0.value) }, model: model.model)
            let scores = try await shop.scores()
            #expect(scores.count == offline.count && scores.count > 1_000)
            for score in scores { #expect(score.score.bitPattern == offline[score.offset]?.bitPattern) }
            // The change is that of the score before it in its session.
            var last: [String: Float] = [:]
            for score in scores {
                #expect(score.change == last[score.session].map { score.score - $0 }, "seed \(seed), \(score)")
                last[score.session] = score.score
            }
        }
    }

    /// Scoring is cut off again and again in mid-work, the directory opened anew; what a reader of its own then finds
    /// is one score for every event of a session before its purchase, at its (partition, offset).
    @Test(arguments: [41, 42, 43] as [UInt64])
    func restartsGiveNoSecondAndNoMissingScore(seed: UInt64) async throws {
        try await withTemporaryDirectory { path in
            let time = ManualTime()
            let model = try TestModels.first()
            var random = SeededRandom(seed)
            var events = SyntheticShop(seed: seed)
            for _ in 0..<6 {
                let shop = try await TestShop(path: path, partitions: 3, time: time)
                try await shop.append(events.events(400, from: time.now))
                time.advance(by: Int64.random(in: 0..<2_400_000, using: &random))
                let some = Int64.random(in: 1..<400, using: &random)
                let before = try await scored(shop)
                var settings = ScoringService.Settings.test
                settings.batch = 20
                try await shop.scoring(settings: settings, champion: { $0 == nil ? model : nil }) { _ in
                    try await shop.until {
                        if try await scored(shop) >= before + some { return true }
                        return try await isCaughtUp(shop)
                    }
                }
                await shop.data.close()
            }
            let shop = try await TestShop(path: path, partitions: 3, time: time)
            try await shop.scoreEverything { $0 == nil ? model : nil }
            var offline: [Location: Float] = [:]
            for partition in 0..<3 {
                let records = try await shop.records(partition).map { ($0.offset, $0.time, $0.value) }
                for (offset, score) in offlineScores(records, model: model.model) {
                    offline[Location(partition: partition, offset: offset)] = score
                }
            }
            var seen: [Location: Int] = [:]
            for score in try await shop.scores() {
                let location = Location(partition: score.partition, offset: score.offset)
                seen[location, default: 0] += 1
                #expect(score.score.bitPattern == offline[location]?.bitPattern, "seed \(seed), \(score)")
            }
            #expect(seen == offline.mapValues { _ in 1 }, "seed \(seed)")
            await shop.data.close()
        }
    }

    private func scored(_ shop: TestShop) async throws -> Int64 {
        var sum: Int64 = 0
        for partition in 0..<shop.data.log.partitionCount { sum += try await shop.position(partition)?.next ?? 0 }
        return sum
    }

    private func isCaughtUp(_ shop: TestShop) async throws -> Bool {
        for partition in 0..<shop.data.log.partitionCount {
            let end = try await shop.data.log.bounds(partition: partition).upperBound
            if try await shop.position(partition)?.next ?? 0 < end { return false }
        }
        return true
    }

    @Test func scoringBeginsWhenAModelAppearsAndKnowsWhatCameBefore() async throws {
        try await withShop { shop in
            var events = SyntheticShop(seed: 51)
            let champion = Mutex<NumberedModel?>(nil)
            try await shop.append(events.events(300))
            let model = try TestModels.first()
            try await shop.scoring(champion: { current in
                champion.withLock { $0?.number == current ? nil : $0 }
            }) { status in
                try await shop.committed()
                let position = try #require(try await shop.position())
                #expect(position.counters.unscored > 200 && position.counters.scored == 0)
                #expect(try await shop.scores().isEmpty && status.snapshot.model == nil)
                champion.withLock { $0 = model }
                // The next turn asks for the champion before it takes records.
                try await shop.until { status.snapshot.model == 1 }
                try await shop.append(events.events(300, from: 1_700_000_300_000))
                try await shop.committed()
            }
            let offline = offlineScores(
                try await shop.records().map { ($0.offset, $0.time, $0.value) }, model: model.model)
            let scores = try await shop.scores()
            #expect(Set(scores.map(\.offset)) == Set(offline.keys.filter { $0 >= 300 }))
            for score in scores { #expect(score.score.bitPattern == offline[score.offset]?.bitPattern) }
            // Sessions that were open when the model came go on at their true prefix, with a change to compare with.
            #expect(scores.contains { $0.prefix > 1 && $0.change != nil && $0.offset < 310 })
        }
    }

    @Test func aSwapFallsBetweenTwoEvents() async throws {
        try await withShop { shop in
            var events = SyntheticShop(seed: 52)
            let models = [try TestModels.first(), try TestModels.second()]
            let champion = Mutex(models[0])
            try await shop.append(events.events(300))
            try await shop.scoring(champion: { current in
                champion.withLock { $0.number == current ? nil : $0 }
            }) { status in
                try await shop.committed()
                champion.withLock { $0 = models[1] }
                try await shop.until { status.snapshot.model == 2 }
                try await shop.append(events.events(300, from: 1_700_000_300_000))
                try await shop.committed()
            }
            let records = try await shop.records().map { ($0.offset, $0.time, $0.value) }
            let offline = models.map { offlineScores(records, model: $0.model) }
            var previous: [String: Int64] = [:]
            for score in try await shop.scores() {
                #expect(score.model == (score.offset < 300 ? 1 : 2))
                let own = offline[score.model - 1]
                #expect(score.score.bitPattern == own[score.offset]?.bitPattern)
                // The change compares with what the same model says of the shorter prefix, whoever scored that.
                if let before = previous[score.session].flatMap({ own[$0] }) {
                    #expect(score.change == score.score - before)
                } else {
                    #expect(score.change == nil)
                }
                previous[score.session] = score.offset
            }
        }
    }

    @Test func aTickClosesTheSessionsOfASilentPartition() async throws {
        try await withShop { shop in
            try await shop.append([
                Event(id: "1", session: "a", kind: .detail, timestamp: shop.time.now),
                Event(id: "1", session: "b", kind: .add, timestamp: shop.time.now),
            ])
            try await shop.scoring { _ in
                try await shop.committed()
                // Exactly thirty minutes stay.
                shop.time.advance(by: 30 * 60_000)
                try await shop.append([Event(id: "2", session: "b", kind: .detail, timestamp: shop.time.now)])
                try await shop.committed()
                #expect(try await shop.outcomes().isEmpty)
                shop.time.advance(by: 1)
                try await shop.until { try await shop.outcomes().count == 1 }
                shop.time.advance(by: 30 * 60_000)
                try await shop.until { try await shop.outcomes().count == 2 }
                try await shop.committed()
            }
            let outcomes = try await shop.outcomes()
            #expect(outcomes.map(\.key) == ["s:a", "s:b"])
            #expect(outcomes.map(\.closing) == ["silence", "silence"] && outcomes.map(\.offset) == [3, 4])
            let position = try #require(try await shop.position())
            // One tick each, none while a tick was under way, none after the last session closed.
            #expect(position.counters.control == 2)
            #expect(try await shop.data.log.bounds(partition: 0) == 0..<5)
        }
    }

    /// A broker's clock may be behind the scorer's: its tick then comes too early to close anything.
    @Test func aTickThatClosedNothingIsFollowedByAnother() async throws {
        try await withShop { shop in
            try await shop.append([Event(id: "1", session: "a", kind: .detail, timestamp: shop.time.now)])
            let ahead = ManualTime(shop.time.now)
            let service = ScoringService(
                log: shop.data.log, consumer: shop.data.makeConsumer(), status: ScoringStatus(), settings: .test,
                logger: .silent, now: { ahead.now }, champion: { _ in nil })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await service.run() }
                try await shop.committed()
                shop.time.advance(by: 30 * 60_000)
                ahead.advance(by: 30 * 60_000 + 1)
                try await shop.until { try await shop.position()?.counters.control ?? 0 > 0 }
                #expect(try await shop.outcomes().isEmpty)
                shop.time.advance(by: 1)
                try await shop.until { try await shop.outcomes().count == 1 }
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }

    @Test func aPartitionWithoutOpenSessionsGetsNoTick() async throws {
        try await withShop(partitions: 2) { shop in
            try await shop.append([Event(id: "1", session: "a", kind: .detail, timestamp: shop.time.now)])
            let home = Partitioner.partition(ofKey: "s:a", count: 2)
            try await shop.scoring { _ in
                try await shop.committed()
                shop.time.advance(by: 31 * 60_000)
                try await shop.until { try await shop.outcomes().count == 1 }
            }
            #expect(try await shop.data.log.bounds(partition: home) == 0..<2)
            #expect(try await shop.data.log.bounds(partition: 1 - home).isEmpty)
        }
    }

    /// Nothing but the interval makes it commit: the batch is larger than the log.
    @Test func whatIsFoldedIsCommittedWhenTheIntervalIsOver() async throws {
        try await withShop(partitions: 3) { shop in
            var events = SyntheticShop(seed: 55)
            try await shop.append(events.events(300))
            var settings = ScoringService.Settings.test
            settings.batch = 100_000
            settings.commitInterval = .milliseconds(20)
            try await shop.scoreEverything(settings: settings)
            var total: Int64 = 0
            for partition in 0..<3 { total += try await shop.position(partition)?.counters.total ?? 0 }
            #expect(total == 300)
        }
    }

    /// How far a partition is behind follows the clock only while there is something to fold.
    @Test func aPartitionReadToItsEndIsNotBehind() async throws {
        try await withShop { shop in
            var events = SyntheticShop(seed: 56)
            try await shop.append(events.events(100))
            let appended = shop.time.now
            try await shop.scoring { status in
                try await shop.committed()
                #expect(status.snapshot.partitions[0]?.unfoldedSince ?? 0 >= appended)
                shop.time.advance(by: 5_000)
                try await shop.until { status.snapshot.partitions[0]?.unfoldedSince == appended + 5_000 }
            }
        }
    }

    @Test func theEndOfAReplayClosesItsSessions() async throws {
        try await withShop { shop in
            var history = SyntheticShop(seed: 53)
            try await shop.replay(history.events(200, from: 1_500_000_000_000), as: "history")
            try await shop.scoring { _ in
                try await shop.committed()
                // No wall clock closes a replay's sessions.
                shop.time.advance(by: 90 * 60_000)
                try await shop.data.log.endReplay("history")
                try await shop.committed()
            }
            let position = try #require(try await shop.position())
            #expect(position.sessions.opened == position.sessions.closed && position.timelines.isEmpty)
            let outcomes = try await shop.outcomes()
            #expect(outcomes.count == position.sessions.closed)
            #expect(outcomes.contains { $0.closing == "end" } && outcomes.allSatisfy { $0.timeline == "history" })
        }
    }

    @Test func outputsAreReadableBesideTheirWriter() async throws {
        try await withTemporaryDirectory { path in
            let shop = try await TestShop(path: path, partitions: 1, time: ManualTime())
            var events = SyntheticShop(seed: 54)
            try await shop.append(events.events(200))
            try await shop.scoreEverything()
            let beside = try await DataDirectory.openReadOnly(path)
            #expect(try await beside.outputs.position(partition: 0) == shop.data.outputs.position(partition: 0))
            await shop.data.close()
        }
    }
}
