import CRDKafka
import EventLog
import Events
import Foundation
import KafkaLog
import KafkaRig
import LogContract
import Testing

/// The whole contract on a real cluster, given by `DINGHY_TEST_KAFKA=host:port[,host:port…]`: transactions,
/// `read_committed`, fencing, replay marks. Topics are made for every trial, under a prefix of its own.
struct ClusterTests {
    static let brokers: String? = {
        let brokers = ProcessInfo.processInfo.environment["DINGHY_TEST_KAFKA"]
        if brokers == nil { print("DINGHY_TEST_KAFKA is not set: nothing is tried on a real Kafka cluster") }
        return brokers
    }()

    /// A shop of its own, with its topics made.
    static func shop() async throws -> (settings: KafkaSettings, topics: [String]) {
        let brokers = try #require(brokers)
        let prefix = "dinghy-test-\(UUID().uuidString.prefix(8).lowercased())"
        let settings = KafkaSettings(
            brokers: brokers, topicPrefix: prefix, group: "\(prefix)-score", instance: "\(prefix)-1", properties: [:])
        let topics = KafkaSettings.Topic.allCases.map { settings.name(of: $0) }
        _ = try await KafkaTopics(settings, logger: MockCluster.logger).create(TopicLayout(partitions: 2))
        return (settings, topics)
    }

    /// Opens a shop whose topics may not have reached every broker yet.
    static func open(_ settings: KafkaSettings) async throws -> KafkaLog {
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            do throws(EventLogError) {
                return try await KafkaLog.open(settings, logger: MockCluster.logger)
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
            }
        }
    }

    private static func fixture() async throws -> LogFixture {
        let (settings, topics) = try await shop()
        return try await fixture(settings, topics: topics)
    }

    private static func fixture(_ settings: KafkaSettings, topics: [String]) async throws -> LogFixture {
        let kafka = try await open(settings)
        return LogFixture(
            log: kafka.log, outputs: kafka.outputs, makeConsumer: { try kafka.makeConsumer() },
            restart: {
                await kafka.close()
                return try await fixture(settings, topics: topics)
            },
            maxWaitingRecords: 100_000, offsetsAreDense: false, duplicatesAreRecognised: false,
            close: {
                await kafka.close()
                Administration.delete(topics, brokers: settings.brokers)
            })
    }

    @Test(.enabled(if: brokers != nil, "set DINGHY_TEST_KAFKA=host:port"), arguments: LogContract.all)
    func keepsTheContract(_ trial: LogContract.Trial) async throws { try await trial.run(Self.fixture) }
}

/// Removes topics.
enum Administration {
    struct Failure: Error, CustomStringConvertible { var description: String }

    /// Best effort: what stays behind has a name of its own and does no harm.
    static func delete(_ names: [String], brokers: String) {
        var list = names.map { rd_kafka_DeleteTopic_new($0) }
        defer { rd_kafka_DeleteTopic_destroy_array(&list, list.count) }
        try? withClient(brokers) { client, queue in
            rd_kafka_DeleteTopics(client, &list, list.count, nil, queue)
            if let event = rd_kafka_queue_poll(queue, 10_000) { rd_kafka_event_destroy(event) }
        }
    }

    private static func withClient(_ brokers: String, _ body: (OpaquePointer, OpaquePointer) throws -> Void) throws {
        let configuration = rd_kafka_conf_new()
        var message = [CChar](repeating: 0, count: 512)
        rd_kafka_conf_set(configuration, "bootstrap.servers", brokers, &message, message.count)
        guard let client = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &message, message.count),
            let queue = rd_kafka_queue_new(client)
        else { throw Failure(description: "no client for \(brokers)") }
        defer {
            rd_kafka_queue_destroy(queue)
            rd_kafka_destroy(client)
        }
        try body(client, queue)
    }
}
