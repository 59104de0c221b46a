import CRDKafka
import EventLog
import Intent
import KafkaLog
import KafkaRig
import ModelContract
import Models
import Testing

/// Models on a real cluster: what the mock cannot show.
@Suite(.enabled(if: ClusterTests.brokers != nil, "set DINGHY_TEST_KAFKA=host:port"))
struct ClusterModelTests {
    private static let patience = Duration.seconds(60)

    private static func fixture() async throws -> (ModelFixture, KafkaSettings) {
        let (settings, topics) = try await ClusterTests.shop()
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            do {
                let fixture = try await SharedModels.fixture(settings) {
                    Administration.delete(topics, brokers: settings.brokers)
                }
                return (fixture, settings)
            } catch {
                // The topics may not have reached every broker yet.
                guard ContinuousClock.now < deadline else { throw error }
            }
        }
    }

    private func with(_ body: (ModelFixture, KafkaSettings) async throws -> Void) async throws {
        let (fixture, settings) = try await Self.fixture()
        do { try await body(fixture, settings) } catch {
            await fixture.close()
            throw error
        }
        await fixture.close()
    }

    @Test(arguments: ModelContract.all)
    func keepsTheContract(_ trial: ModelContract.Trial) async throws {
        try await trial.run { try await Self.fixture().0 }
    }

    /// first:  writer ──────── append fenced
    /// second:        writer ────────────── append
    @Test func aWriterFencesTheOneBeforeIt() async throws {
        try await with { _, settings in
            let topic = try await ModelTopic.open(settings, logger: MockCluster.logger)
            let first = try await topic.writer()
            let second = try await topic.writer()
            do throws(EventLogError) {
                try await first.append([KeyedRecord(key: "a", value: Array("first".utf8))], holding: nil)
                Issue.record("the first writer was not fenced")
            } catch {
                guard case .fenced = error else {
                    Issue.record("expected .fenced, got \(error)")
                    return
                }
            }
            try await second.append([KeyedRecord(key: "a", value: Array("second".utf8))], holding: nil)
            let reader = try await topic.reader(from: 0)
            let records = try await reader.next(limit: 10, wait: Self.patience)
            #expect(records.map { String(decoding: $0.value, as: UTF8.self) } == ["second"])
            await first.close()
            await second.close()
        }
    }

    /// A machine that died while it published: its transaction is open, and holds the end of what can be read back.
    @Test func whatADeadWriterLeftOpenIsEndedByTheNext() async throws {
        try await with { fixture, settings in
            let dead = try ForeignTransactions(brokers: settings.brokers, id: "\(settings.topicPrefix)-models")
            try dead.begin()
            try dead.send(
                String(
                    decoding: ModelChunk.cut(SampleModel.make(9).serialized(), model: 1)[0].record.value, as: UTF8.self),
                to: settings.name(of: .models))
            let added = try await ModelContract.add(SampleModel.make(1), to: fixture.store)
            #expect(added.number == 1)
            let other = try await fixture.another()
            try await other.refresh()
            #expect(try other.load(1) == SampleModel.make(1))
            #expect(throws: (any Error).self) { try dead.commit() }
        }
    }

    /// A member that the group prefers comes: the lease goes to it, and what is published under the old one is refused.
    @Test func aLeaseThatWentToAnotherPublishesNothing() async throws {
        try await with { fixture, settings in
            let lease = try #require(try await fixture.store.claimRetraining())
            // Before every id that begins with "retrain-".
            let rival = try LeaseMember(settings, clientID: "a")
            let deadline = ContinuousClock.now + Self.patience
            while try !rival.owns(), ContinuousClock.now < deadline {}
            #expect(try rival.owns(), "the group did not give the partition to the rival")
            await #expect(throws: (any Error).self) {
                try await fixture.store.add(
                    SampleModel.make(1), origin: .retrain, report: nil, verdict: nil, time: 1, holding: lease)
            }
            while lease.isHeld, ContinuousClock.now < deadline { await Task.yield() }
            #expect(!lease.isHeld)
            await #expect(throws: RegistryError.leaseLost) {
                try await fixture.store.add(
                    SampleModel.make(1), origin: .retrain, report: nil, verdict: nil, time: 1, holding: lease)
            }
            let other = try await fixture.another()
            try await other.refresh()
            #expect(try other.numbers().isEmpty)
            // By hand a model is published all the same: that needs no lease.
            #expect(try await ModelContract.add(SampleModel.make(2), to: fixture.store).number == 1)
            rival.leave()
            await lease.release()
        }
    }

    /// Killed without a word: after its session the lease goes to who asks.
    @Test func theLeaseOfADeadProcessIsGivenToTheNext() async throws {
        try await with { fixture, settings in
            let dead = try LeaseMember(settings, clientID: "retrain-0")
            let deadline = ContinuousClock.now + Self.patience
            while try !dead.owns(), ContinuousClock.now < deadline {}
            #expect(try dead.owns())
            dead.die()
            let lease = try #require(try await fixture.store.claimRetraining())
            #expect(lease.isHeld)
            await lease.release()
        }
    }
}

/// A process of another make in the lease's group.
private final class LeaseMember {
    private let client: OpaquePointer
    private var isGone = false

    init(_ settings: KafkaSettings, clientID: String) throws {
        let configuration = rd_kafka_conf_new()
        var message = [CChar](repeating: 0, count: 512)
        for (name, value) in [
            ("bootstrap.servers", settings.brokers), ("group.id", "\(settings.topicPrefix)-retrain"),
            ("client.id", clientID), ("partition.assignment.strategy", "range"), ("session.timeout.ms", "6000"),
            ("heartbeat.interval.ms", "500"), ("enable.auto.commit", "false"),
        ] {
            rd_kafka_conf_set(configuration, name, value, &message, message.count)
        }
        client = try #require(rd_kafka_new(RD_KAFKA_CONSUMER, configuration, &message, message.count))
        rd_kafka_poll_set_consumer(client)
        let list = rd_kafka_topic_partition_list_new(1)
        defer { rd_kafka_topic_partition_list_destroy(list) }
        rd_kafka_topic_partition_list_add(list, settings.name(of: .retrainLease), -1)
        #expect(rd_kafka_subscribe(client, list) == RD_KAFKA_RESP_ERR_NO_ERROR)
    }

    deinit { die() }

    /// Polls, and says whether the partition has been assigned to it.
    func owns() throws -> Bool {
        if let message = rd_kafka_consumer_poll(client, 100) { rd_kafka_message_destroy(message) }
        var list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
        #expect(rd_kafka_assignment(client, &list) == RD_KAFKA_RESP_ERR_NO_ERROR)
        let assigned = try #require(list)
        defer { rd_kafka_topic_partition_list_destroy(assigned) }
        return assigned.pointee.cnt > 0
    }

    func leave() {
        guard !isGone else { return }
        rd_kafka_consumer_close(client)
        die()
    }

    /// Without leaving the group.
    func die() {
        guard !isGone else { return }
        isGone = true
        rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
    }
}
