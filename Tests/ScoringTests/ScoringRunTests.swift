import EmbeddedLog
import EventLog
import Events
import Scoring
import ServiceLifecycle
import Sessions
import Testing

/// What scoring does with what a consumer tells it: commits, partitions that come and go.
@Suite(.timeLimit(.minutes(2)))
struct ScoringRunTests {
    /// Plays a script to its end, then ends scoring.
    private func play(
        _ consumer: ScriptedConsumer, status: ScoringStatus = ScoringStatus(), attempts: Int = 60
    ) async throws {
        try await withShop { shop in
            var settings = ScoringService.Settings.test
            settings.commitAttempts = attempts
            let model = try TestModels.first()
            let service = ScoringService(
                log: shop.data.log, consumer: consumer, status: status, settings: settings, logger: .silent,
                now: { shop.time.now }, champion: { $0 == nil ? model : nil })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await service.run() }
                group.addTask { for await _ in consumer.playedOut {} }
                try await group.next()
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }

    private let log = PartitionScorerTests.log(seed: 20, count: 90)

    private func assigned(_ partition: Int) -> ConsumerEvent {
        .assigned([AssignedPartition(partition: partition, position: nil, bounds: 0..<90)])
    }

    private func records(_ range: Range<Int>, of partition: Int = 0) -> ConsumerEvent {
        .records(partition: partition, Array(log[range]))
    }

    /// What a partition's records give without any failure.
    private func expected(_ ranges: [Range<Int>], of partition: Int = 0) throws -> [ScoredBatch] {
        var scorer = try PartitionScorer(
            assigned: AssignedPartition(partition: partition, position: nil, bounds: 0..<90),
            model: TestModels.first())
        return try ranges.map { range in
            scorer.process(Array(log[range]))
            let batch = scorer.uncommitted()
            scorer.committed()
            return try #require(batch)
        }
    }

    @Test func aFailedCommitIsRepeatedWithTheSameOutputs() async throws {
        let consumer = ScriptedConsumer(
            [assigned(0), records(0..<40), records(40..<90)], failures: [.failed("broker"), .failed("broker")])
        try await play(consumer)
        let batches = try expected([0..<40, 40..<90])
        #expect(
            consumer.calls == [
                .begin(partition: 0, at: 0), .commit([batches[0]]), .commit([batches[0]]), .commit([batches[0]]),
                .commit([batches[1]]),
            ])
    }

    @Test func commitsThatKeepFailingEndScoring() async throws {
        let consumer = ScriptedConsumer(
            [assigned(0), records(0..<40)], failures: Array(repeating: .failed("disk full"), count: 9))
        await #expect(throws: EventLogError.failed("disk full")) { try await play(consumer, attempts: 3) }
        #expect(consumer.calls.count == 1 + 3)
    }

    @Test func aFencedCommitEndsScoringAtOnce() async throws {
        let consumer = ScriptedConsumer([assigned(0), records(0..<40)], failures: [.fenced("someone else")])
        await #expect(throws: EventLogError.fenced("someone else")) { try await play(consumer) }
        #expect(consumer.calls.count == 2)
    }

    @Test func aLostPartitionIsDroppedUncommitted() async throws {
        let status = ScoringStatus()
        let consumer = ScriptedConsumer([
            assigned(0), assigned(1), records(0..<40), .lost([0]),
            // What still comes of it belongs to somebody else.
            records(40..<90), records(0..<40, of: 1),
        ])
        try await play(consumer, status: status)
        #expect(
            consumer.calls == [
                .begin(partition: 0, at: 0), .begin(partition: 1, at: 0), .commit(try expected([0..<40])),
                .commit(try expected([0..<40], of: 1)),
            ])
        #expect(status.snapshot.partitions.keys.sorted() == [1])
    }

    @Test func aRevokedPartitionIsReleasedAfterItsLastCommit() async throws {
        let status = ScoringStatus()
        let consumer = ScriptedConsumer([assigned(0), records(0..<40), .revoked([0]), records(40..<90)])
        try await play(consumer, status: status)
        #expect(
            consumer.calls == [
                .begin(partition: 0, at: 0), .commit(try expected([0..<40])), .release([0]),
            ])
        #expect(status.snapshot.partitions.isEmpty)
    }

    @Test func aPartitionThatComesBackIsFoldedAgainFromItsLowWater() async throws {
        let first = try expected([0..<40])[0]
        let position = try Position(decoding: first.position)
        let back = AssignedPartition(partition: 0, position: first.position, bounds: 0..<90)
        let consumer = ScriptedConsumer([
            assigned(0), records(0..<40), .lost([0]), .assigned([back]),
            records(Int(position.lowWaterOffset)..<90),
        ])
        try await play(consumer)
        #expect(
            consumer.calls == [
                .begin(partition: 0, at: 0), .commit([first]), .begin(partition: 0, at: position.lowWaterOffset),
                .commit([try expected([0..<40, 40..<90])[1]]),
            ])
    }

    @Test func readinessWaitsForTheFoldToCatchUp() async throws {
        let first = try expected([0..<40])[0]
        let low = Int(try Position(decoding: first.position).lowWaterOffset)
        #expect(low < 39)
        let back = AssignedPartition(partition: 0, position: first.position, bounds: 0..<90)
        let behind = ScoringStatus()
        try await play(ScriptedConsumer([.assigned([back]), records(low..<39)]), status: behind)
        #expect(behind.snapshot.partitions[0]?.resuming == true && !behind.snapshot.ready)
        let caughtUp = ScoringStatus()
        try await play(ScriptedConsumer([.assigned([back]), records(low..<40)]), status: caughtUp)
        #expect(caughtUp.snapshot.partitions[0]?.resuming == false && caughtUp.snapshot.ready)
        #expect(caughtUp.snapshot.model == 1)
        // One that was given nothing to score stands ready to take over.
        let standby = ScoringStatus()
        try await play(ScriptedConsumer([.assigned([])]), status: standby)
        #expect(standby.snapshot.ready)
    }

    @Test func aPositionBeyondTheLogIsRefused() async throws {
        let position = try expected([0..<90])[0].position
        let consumer = ScriptedConsumer([
            .assigned([AssignedPartition(partition: 0, position: position, bounds: 0..<89)])
        ])
        let error = await #expect(throws: EventLogError.self) { try await play(consumer) }
        #expect(error?.description.contains("committed up to offset 90, but the events log ends at 89") == true)
        #expect(consumer.calls.isEmpty)
    }

    @Test func aShutdownEndsWithEverythingFoldedCommitted() async throws {
        try await withShop { shop in
            var events = SyntheticShop(seed: 21)
            try await shop.append(events.events(500))
            let model = try TestModels.first()
            let service = shop.service { $0 == nil ? model : nil }
            let group = ServiceGroup(services: [service], logger: .silent)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                try await shop.until { try await shop.position() != nil }
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
            let position = try #require(try await shop.position())
            #expect(try await shop.scores().count == position.counters.scored)
            #expect(position.counters.total == position.next)
        }
    }
}
