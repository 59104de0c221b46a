import EmbeddedLog
import EventLog
import Scoring
import Synchronization
import Testing

/// First kept, then passed over: whatever fails in between, a record that cannot be folded is never only counted.
@Suite(.timeLimit(.minutes(2)))
struct UnusableRecordsOrderTests {
    private static let poison = StoredRecord(offset: 0, time: 1_700_000_000_000, value: Array("no JSON".utf8))

    private static let events: [ConsumerEvent] = [
        .assigned([AssignedPartition(partition: 0, position: nil, bounds: 0..<1)]), .records(partition: 0, [poison]),
    ]

    private func play(
        _ consumer: ScriptedConsumer, refusals: [EventLogError], attempts: Int = 60
    ) async throws -> RefusingLog {
        try await withShop { shop in
            let log = RefusingLog(shop.data.log, refusals: refusals)
            var settings = ScoringService.Settings.test
            settings.commitAttempts = attempts
            let service = ScoringService(
                log: log, consumer: consumer, status: ScoringStatus(), settings: settings, logger: .silent,
                now: { shop.time.now }, champion: { _ in nil })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await service.run() }
                group.addTask { for await _ in consumer.playedOut {} }
                try await group.next()
                group.cancelAll()
                try await group.waitForAll()
            }
            return log
        }
    }

    private func commits(_ consumer: ScriptedConsumer) -> Int {
        consumer.calls.count { if case .commit = $0 { true } else { false } }
    }

    @Test func aCommitWaitsUntilPoisonIsKept() async throws {
        let consumer = ScriptedConsumer(Self.events)
        let log = try await play(consumer, refusals: [.failed("broker"), .overloaded(retryAfter_s: 1)])
        #expect(log.rejected.map(\.location) == [Location(partition: 0, offset: 0)])
        #expect(log.refusalsLeft == 0)
        #expect(commits(consumer) == 1)
    }

    @Test func poisonThatCannotBeKeptIsNotPassedOver() async throws {
        let consumer = ScriptedConsumer(Self.events)
        await #expect(throws: EventLogError.failed("broker")) {
            _ = try await play(consumer, refusals: Array(repeating: .failed("broker"), count: 3), attempts: 3)
        }
        #expect(commits(consumer) == 0)
    }

    /// The same outputs are committed again; what was kept is kept.
    @Test func aCommitThatFailsKeepsPoisonOnce() async throws {
        let consumer = ScriptedConsumer(Self.events, failures: [.failed("broker"), .failed("broker")])
        let log = try await play(consumer, refusals: [])
        #expect(log.rejected.count == 1)
        #expect(commits(consumer) == 3)
    }
}
