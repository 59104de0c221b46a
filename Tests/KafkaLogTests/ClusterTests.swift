import CRDKafka
import EventLog
import Events
import Foundation
import KafkaLog
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
    static func shop() throws -> (settings: KafkaSettings, topics: [String]) {
        let brokers = try #require(brokers)
        let prefix = "dinghy-test-\(UUID().uuidString.prefix(8).lowercased())"
        let settings = KafkaSettings(
            brokers: brokers, topicPrefix: prefix, group: "\(prefix)-score", instance: "\(prefix)-1", properties: [:])
        let single = KafkaSettings.Topic.single
        let wide = KafkaSettings.Topic.allCases.filter { !single.contains($0) }.map { settings.name(of: $0) }
        try Administration.create(wide, partitions: 2, brokers: brokers)
        try Administration.create(single.map { settings.name(of: $0) }, partitions: 1, brokers: brokers)
        return (settings, KafkaSettings.Topic.allCases.map { settings.name(of: $0) })
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
        let (settings, topics) = try shop()
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

/// Makes and removes topics.
enum Administration {
    struct Failure: Error, CustomStringConvertible { var description: String }

    static func create(_ names: [String], partitions: Int32, brokers: String) throws {
        let topics = try names.map { name -> OpaquePointer? in
            var message = [CChar](repeating: 0, count: 512)
            // -1: the broker's default replication.
            guard let topic = rd_kafka_NewTopic_new(name, partitions, -1, &message, message.count) else {
                throw Failure(description: "\(name) is no topic")
            }
            if name.hasSuffix(".events") {
                rd_kafka_NewTopic_set_config(topic, "message.timestamp.type", "LogAppendTime")
            }
            if name.hasSuffix(".models") { rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "compact") }
            return topic
        }
        var list = topics
        defer { rd_kafka_NewTopic_destroy_array(&list, list.count) }
        try withClient(brokers) { client, queue in
            let options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS)
            defer { rd_kafka_AdminOptions_destroy(options) }
            rd_kafka_CreateTopics(client, &list, list.count, options, queue)
            guard let event = rd_kafka_queue_poll(queue, 30_000) else {
                throw Failure(description: "\(brokers) does not make topics within 30 s")
            }
            defer { rd_kafka_event_destroy(event) }
            guard rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR,
                let result = rd_kafka_event_CreateTopics_result(event)
            else { throw Failure(description: "\(brokers): \(String(cString: rd_kafka_event_error_string(event)))") }
            var count = 0
            let made = rd_kafka_CreateTopics_result_topics(result, &count)
            for index in 0..<count {
                guard let topic = made?[index] else { continue }
                let code = rd_kafka_topic_result_error(topic)
                guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
                    throw Failure(
                        description: "\(String(cString: rd_kafka_topic_result_name(topic))): "
                            + String(cString: rd_kafka_err2str(code)))
                }
            }
        }
    }

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
