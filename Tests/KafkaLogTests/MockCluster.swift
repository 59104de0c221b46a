import CRDKafka
import KafkaLog
import Logging

/// librdkafka's built-in cluster: real sockets, one broker, everything in memory. It knows neither transactions nor
/// `read_committed`, so only what holds without them is tried on it.
final class MockCluster: Sendable {
    // librdkafka guards both with locks of its own.
    nonisolated(unsafe) private let owner: OpaquePointer
    nonisolated(unsafe) private let cluster: OpaquePointer
    let brokers: String

    init(topics: [String] = [], partitions: Int32 = 2) {
        var message = [CChar](repeating: 0, count: 512)
        let configuration = rd_kafka_conf_new()
        // It is no client itself: that it knows no brokers needs no warning.
        rd_kafka_conf_set(configuration, "log_level", "3", &message, message.count)
        guard let owner = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &message, message.count),
            let cluster = rd_kafka_mock_cluster_new(owner, 1), let brokers = rd_kafka_mock_cluster_bootstraps(cluster)
        else { preconditionFailure("MockCluster.init: librdkafka makes no cluster") }
        self.owner = owner
        self.cluster = cluster
        self.brokers = String(cString: brokers)
        for name in topics {
            let topic = KafkaSettings.Topic.allCases.first { name.hasSuffix(".\($0.rawValue)") }
            rd_kafka_mock_topic_create(cluster, name, topic?.hasOnePartition == true ? 1 : partitions, 1)
        }
    }

    deinit {
        rd_kafka_mock_cluster_destroy(cluster)
        rd_kafka_destroy(owner)
    }

    /// The next answers to a kind of request are these errors.
    func fail(requests: Int16, with errors: [rd_kafka_resp_err_t]) {
        rd_kafka_mock_push_request_errors_array(cluster, requests, errors.count, errors)
    }

    /// No broker answers from now on.
    func setDown() { rd_kafka_mock_broker_set_down(cluster, 1) }

    func setUp() { rd_kafka_mock_broker_set_up(cluster, 1) }

    static let produceRequest: Int16 = 0

    func settings(_ prefix: String = "shop") -> KafkaSettings {
        KafkaSettings(
            brokers: brokers, topicPrefix: prefix, group: "\(prefix)-score", instance: "\(prefix)-1", properties: [:])
    }

    static let shopTopics = KafkaSettings.Topic.allCases.map { "shop.\($0.rawValue)" }
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}
