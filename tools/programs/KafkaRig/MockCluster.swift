public import CRDKafka

/// librdkafka's built-in cluster: real sockets, one broker, everything in memory. It knows neither transactions nor
/// `read_committed`, so only what holds without them is tried on it.
public final class MockCluster: Sendable {
    // librdkafka guards both with locks of its own.
    nonisolated(unsafe) private let owner: OpaquePointer
    nonisolated(unsafe) private let cluster: OpaquePointer
    public let brokers: String

    public init() {
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
    }

    deinit {
        rd_kafka_mock_cluster_destroy(cluster)
        rd_kafka_destroy(owner)
    }

    /// Topics that are asked for without having been made get four partitions.
    public func create(_ topic: String, partitions: Int) {
        rd_kafka_mock_topic_create(cluster, topic, Int32(partitions), 1)
    }

    /// The next answers to a kind of request are these errors.
    public func fail(requests: Int16, with errors: [rd_kafka_resp_err_t]) {
        rd_kafka_mock_push_request_errors_array(cluster, requests, errors.count, errors)
    }

    /// No broker answers from now on.
    public func setDown() { rd_kafka_mock_broker_set_down(cluster, 1) }

    public func setUp() { rd_kafka_mock_broker_set_up(cluster, 1) }
}
