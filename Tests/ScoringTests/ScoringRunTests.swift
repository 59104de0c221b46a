import EmbeddedLog
import EventLog
import Events
import Scoring
import ServiceLifecycle
import Sessions
import Synchronization
import Testing

/// What scoring does with what a consumer tells it: commits, partitions that come and go.
@Suite(.timeLimit(.minutes(2)))
struct ScoringRunTests {
    /// Plays a script to its end, then ends scoring.
    private func play(
        _ consumer: ScriptedConsumer, status: ScoringStatus = ScoringStatus(), time: ScoringTime = .continuous,
        _ change: (inout ScoringService.Settings) -> Void = { _ in }
    ) async throws {
        var settings = ScoringService.Settings.test
        change(&settings)
        try await play(consumer, status: status, time: time, settings: settings)
        #expect(consumer.isClosed)
    }

    private func play(
        _ consumer: ScriptedConsumer, status: ScoringStatus, time: ScoringTime, settings: ScoringService.Settings
    ) async throws {
        try await withShop { shop in
            let model = try TestModels.first()
            let service = ScoringService(
                log: shop.data.log, consumer: consumer, status: status, settings: settings, logger: .silent,
                now: { shop.time.now }, time: time, champion: { $0 == nil ? model : nil })
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
        await #expect(throws: EventLogError.failed("disk full")) { try await play(consumer) { $0.commitAttempts = 3 } }
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

    // MARK: Commits beside the fold

    /// The first commit cannot end before the next records are asked for, so a run that waits for it never ends.
    @Test func aFullBatchCommitsWhileTheNextIsFolded() async throws {
        let consumer = ScriptedConsumer(
            [assigned(0), records(0..<40), records(40..<80), records(80..<90)], holdsCommitUntilAsked: 3)
        try await play(consumer) { $0.batch = 40 }
        let batches = try expected([0..<40, 40..<80, 80..<90])
        #expect(
            consumer.calls == [
                .begin(partition: 0, at: 0), .commit([batches[0]]), .commit([batches[1]]), .commit([batches[2]]),
            ])
    }

    @Test func aCommitThatFailsBesideTheFoldIsRepeatedWithTheSameOutputs() async throws {
        let consumer = ScriptedConsumer(
            [assigned(0), records(0..<40), records(40..<80)], holdsCommitUntilAsked: 3,
            failures: [.failed("disk"), .failed("disk")])
        try await play(consumer) { $0.batch = 40 }
        let batches = try expected([0..<40, 40..<80])
        #expect(
            consumer.calls == [
                .begin(partition: 0, at: 0), .commit([batches[0]]), .commit([batches[0]]), .commit([batches[0]]),
                .commit([batches[1]]),
            ])
    }

    @Test func aCommitThatFailsForGoodBesideTheFoldEndsScoring() async throws {
        let consumer = ScriptedConsumer(
            [assigned(0), records(0..<40), records(40..<80)], holdsCommitUntilAsked: 3,
            failures: [.fenced("someone else")])
        await #expect(throws: EventLogError.fenced("someone else")) { try await play(consumer) { $0.batch = 40 } }
        #expect(consumer.calls == [.begin(partition: 0, at: 0), .commit(try expected([0..<40]))])
        #expect(consumer.isClosed)
    }

    // MARK: Coming back

    private func back(_ position: String, _ partition: Int = 0) -> ConsumerEvent {
        .assigned([AssignedPartition(partition: partition, position: position, bounds: 0..<90)])
    }

    @Test(arguments: [ConsumerEvent.lost([0]), .revoked([0])])
    func aPartitionThatComesBackAsItWasGoesOn(_ departure: ConsumerEvent) async throws {
        let batches = try expected([0..<40, 40..<90])
        let consumer = ScriptedConsumer([
            assigned(0), records(0..<40), departure, back(batches[0].position), records(40..<90),
        ])
        try await play(consumer)
        #expect(
            consumer.calls.filter { $0 != .release([0]) } == [
                .begin(partition: 0, at: 0), .commit([batches[0]]), .begin(partition: 0, at: 40), .commit([batches[1]]),
            ])
    }

    @Test func aPartitionThatOthersHaveScoredIsFoldedAgainFromItsLowWater() async throws {
        let batches = try expected([0..<40, 40..<60, 60..<90])
        let low = try Position(decoding: batches[1].position).lowWaterOffset
        let consumer = ScriptedConsumer([
            assigned(0), records(0..<40), .revoked([0]), back(batches[1].position), records(Int(low)..<90),
        ])
        try await play(consumer)
        #expect(
            consumer.calls == [
                .begin(partition: 0, at: 0), .commit([batches[0]]), .release([0]), .begin(partition: 0, at: low),
                .commit([batches[2]]),
            ])
    }

    @Test func whatWasKeptTooLongIsFoldedAgain() async throws {
        let batches = try expected([0..<40, 40..<90])
        let low = try Position(decoding: batches[0].position).lowWaterOffset
        for (lifetime, sessions) in [(Duration.zero, 1_000), (.seconds(60), 1)] {
            let consumer = ScriptedConsumer([
                assigned(0), records(0..<40), .revoked([0]), back(batches[0].position), records(Int(low)..<90),
            ])
            try await play(consumer) {
                $0.shelfLifetime = lifetime
                $0.shelvedSessions = sessions
            }
            #expect(consumer.calls.contains(.begin(partition: 0, at: low)), "\(lifetime), \(sessions)")
            #expect(consumer.calls.last == .commit([batches[1]]))
        }
    }

    // MARK: Trouble with the group

    /// The commit was refused, so its outputs are nobody's: they come again from the position that is committed.
    @Test func aCommitThatComesTooLateIsDroppedAndScoringGoesOn() async throws {
        let whole = try expected([0..<90])[0]
        let status = ScoringStatus()
        let consumer = ScriptedConsumer(
            [assigned(0), records(0..<40), .lost([0]), assigned(0), records(0..<90)],
            failures: [.partitionsLost("others have them")])
        try await play(consumer, status: status) { $0.batch = 90 }
        #expect(
            consumer.calls == [
                .begin(partition: 0, at: 0), .commit(try expected([0..<40])), .begin(partition: 0, at: 0),
                .commit([whole]),
            ])
        #expect(status.snapshot.rebalances == 2)
    }

    @Test func aMemberThatCanDoNoMoreJoinsAnew() async throws {
        let consumer = ScriptedConsumer(
            [assigned(0), records(0..<40), assigned(0), records(0..<90)],
            failures: [.mustRejoin("generation")], rejoinFailures: [.mustRejoin("not yet"), .partitionsLost("gone")])
        try await play(consumer) { $0.batch = 90 }
        #expect(
            consumer.calls == [
                .begin(partition: 0, at: 0), .commit(try expected([0..<40])), .rejoin, .rejoin,
                .begin(partition: 0, at: 0), .commit(try expected([0..<90])),
            ])
    }

    @Test func joiningAnewAgainAndAgainEndsScoring() async throws {
        let refused = Array(repeating: EventLogError.mustRejoin("fatal"), count: 9)
        let consumer = ScriptedConsumer([assigned(0), records(0..<40)], failures: refused, rejoinFailures: refused)
        await #expect(throws: EventLogError.mustRejoin("fatal")) { try await play(consumer) { $0.maxRejoins = 3 } }
        #expect(consumer.calls.count { $0 == .rejoin } == 3)
        #expect(consumer.isClosed)
    }

    @Test func aRevocationDoesNotWaitForeverForItsLastCommit() async throws {
        let consumer = ScriptedConsumer(
            [assigned(0), records(0..<40), .revoked([0]), assigned(0), records(0..<90)],
            failures: [.failed("no broker"), .failed("no broker")])
        try await play(consumer) {
            $0.commitInterval = .seconds(3_600)
            $0.batch = 80
            $0.revocationLimit = .zero
        }
        #expect(
            consumer.calls == [
                .begin(partition: 0, at: 0), .commit(try expected([0..<40])), .release([0]),
                .begin(partition: 0, at: 0), .commit(try expected([0..<90])), .commit(try expected([0..<90])),
            ])
    }

    /// The group must hear that the partitions are free even where it has given them away.
    @Test func aRevocationThatComesTooLateIsAnswered() async throws {
        let consumer = ScriptedConsumer(
            [assigned(0), records(0..<40), .revoked([0])], failures: [.partitionsLost("too late")])
        try await play(consumer) { $0.commitInterval = .seconds(3_600) }
        #expect(
            consumer.calls == [.begin(partition: 0, at: 0), .commit(try expected([0..<40])), .release([0])])
    }

    // MARK: The commit interval

    @Test func partitionsAreCommittedTogether() async throws {
        let consumer = ScriptedConsumer([
            assigned(0), assigned(1), records(0..<40), records(0..<20, of: 1), records(40..<90),
            records(20..<50, of: 1),
        ])
        try await play(consumer) {
            $0.commitInterval = .seconds(3_600)
            $0.batch = 60
        }
        #expect(
            consumer.calls.dropFirst(2) == [
                .commit(try expected([0..<40]) + expected([0..<20], of: 1)),
                .commit([try expected([0..<40, 40..<90])[1], try expected([0..<20, 20..<50], of: 1)[1]]),
            ])
    }

    @Test func whoHasCaughtUpRestsTwiceAsLongAsItsCommitTook() async throws {
        let clock = ManualClock()
        let took = Mutex([Duration.milliseconds(1), .milliseconds(7), .milliseconds(3), .milliseconds(2)])
        let consumer = ScriptedConsumer(
            // Of the third batch more may wait: it is full.
            [assigned(0), records(0..<10), records(10..<20), records(20..<70), records(70..<90)],
            whileCommitting: { clock.advance(by: took.withLock { $0.removeFirst() }) })
        try await play(consumer, time: clock.time) { $0.maxCommitRest = .milliseconds(5) }
        #expect(clock.pauses == [.milliseconds(2), .milliseconds(5), .milliseconds(4)])
        #expect(consumer.calls.count == 5)
    }

    @Test func whatWaitsForACommitIsCommittedAtAShutdown() async throws {
        try await withShop { shop in
            var events = SyntheticShop(seed: 22)
            try await shop.append(events.events(500))
            let status = ScoringStatus()
            var settings = ScoringService.Settings.test
            settings.commitInterval = .seconds(3_600)
            settings.batch = 100_000
            let service = shop.service(status: status, settings: settings) { _ in nil }
            let group = ServiceGroup(services: [service], logger: .silent)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                try await shop.until { status.snapshot.partitions[0]?.openSessions ?? 0 > 0 }
                #expect(try await shop.position() == nil)
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
            let position = try #require(try await shop.position())
            #expect(position.next == 500 && position.counters.total == 500)
        }
    }

    // MARK: Status

    @Test func statusTellsHowFarTheFoldHasCome() async throws {
        let first = try expected([0..<40])[0]
        let low = try Position(decoding: first.position).lowWaterOffset
        let status = ScoringStatus()
        try await play(ScriptedConsumer([back(first.position), records(Int(low)..<38)]), status: status)
        let fold = ScoringStatus.FoldAgain(from: low, at: 38, to: 40)
        #expect(status.snapshot.partitions[0]?.foldAgain == fold)
        let done = ScoringStatus()
        try await play(ScriptedConsumer([back(first.position), records(Int(low)..<60)]), status: done)
        #expect(done.snapshot.partitions[0]?.foldAgain == ScoringStatus.FoldAgain(from: low, at: 40, to: 40))
        #expect(done.snapshot.rebalances == 1)
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
        #expect(consumer.isClosed)
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

/// Stands still until it is moved; a pause moves it.
private final class ManualClock: Sendable {
    private let state = Mutex((instant: ContinuousClock.now, pauses: [Duration]()))

    var pauses: [Duration] { state.withLock { $0.pauses } }

    func advance(by duration: Duration) { state.withLock { $0.instant += duration } }

    var time: ScoringTime {
        ScoringTime(
            instant: { self.state.withLock { $0.instant } },
            pause: { duration in
                self.state.withLock { state in
                    state.pauses.append(duration)
                    state.instant += duration
                }
            })
    }
}
