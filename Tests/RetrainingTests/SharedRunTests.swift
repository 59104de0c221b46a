import EventLog
import Events
import Foundation
import Intent
import Logging
import ModelContract
import Models
import Retraining
import Testing

/// Runs over models that many machines share: the right to run is had by one, and may be lost.
struct SharedRunTests {
    private let models = MemoryModelLog()
    private let cache = FileManager.default.temporaryDirectory.appending(path: "dinghy-shared-\(UUID().uuidString)")

    private func registry(_ machine: String = "here") -> SharedRegistry {
        SharedRegistry(
            log: models, cache: cache.appending(path: machine).path(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func run(
        _ registry: SharedRegistry, progress: (RetrainRun.Progress) -> Void = { _ in }
    ) async throws -> RetrainRun.Result {
        let log = MemoryLog(partitions: [
            MemoryLog.partition(RetrainRunTests.events(0..<1_500), replay: "past", ended: true)
        ])
        return try await RetrainRun(settings: RetrainRunTests.settings, registry: registry, now: { 7 })
            .run(log, progress: progress)
    }

    /// What every other machine sees.
    private func expectModels(_ numbers: [Int], champion: Int?) async throws {
        let other = registry("there")
        try await other.refresh()
        #expect(other.numbers() == numbers)
        #expect(other.championNumber() == champion)
        try? FileManager.default.removeItem(at: cache)
    }

    @Test func whatOneMachineTrainsAnotherScoresWith() async throws {
        let result = try await run(registry())
        #expect(result.exit == .promoted, "\(result.reason)")
        let other = registry("there")
        try await other.refresh()
        let champion = try #require(try other.championIfChanged(from: nil))
        #expect(champion.number == 1)
        #expect(registry("third").numbers() == [])
        try await expectModels([1], champion: 1)
    }

    @Test func oneRunGoesAtATime() async throws {
        let there = registry("there")
        let lease = try #require(try await there.claimRetraining())
        let busy = try await run(registry())
        #expect(busy.exit == .busy)
        #expect(busy.reason == "another retraining runs (memory)")
        await lease.release()
        #expect(try await run(registry()).exit == .promoted)
        try await expectModels([1], champion: 1)
    }

    enum Moment: CaseIterable { case reading, training, judging }

    @Test(arguments: Moment.allCases)
    func aRunThatLosesItsRightThrowsItsModelAway(_ moment: Moment) async throws {
        var trained = false
        let result = try await run(registry()) { progress in
            switch (progress, moment) {
            case (.reading, .reading), (.training, .training), (.judging, .judging): models.takeLeaseAway()
            case (.training, .reading): trained = true
            default: break
            }
        }
        #expect(result.exit == .leaseLost && result.number == nil)
        #expect(result.reason.contains("its model was thrown away"))
        #expect(!trained)
        try await expectModels([], champion: nil)
    }

    /// Only the giver knows, and refuses.
    @Test func aRightThatIsLostUnknowinglyPublishesNothing() async throws {
        models.fail([.leaseLost])
        #expect(try await run(registry()).exit == .leaseLost)
        try await expectModels([], champion: nil)
    }

    @Test func aRightThatIsLostBeforeThePromotionPromotesNothing() async throws {
        models.fail([.none, .leaseLost])
        let result = try await run(registry())
        #expect(result.exit == .leaseLost && result.number == 1)
        #expect(result.reason.contains("after the model was kept and before it was promoted"))
        try await expectModels([1], champion: nil)
    }
}
