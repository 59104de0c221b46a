import CRDKafka
public import EventLog

/// Makes and removes topics, for programs that try a cluster.
public enum Administration {
    /// A topic as it is to be.
    public struct Topic: Sendable {
        public var name: String
        public var partitions: Int
        /// Kafka's own topic settings.
        public var settings: [String: String]

        public init(_ name: String, partitions: Int, settings: [String: String] = [:]) {
            self.name = name
            self.partitions = partitions
            self.settings = settings
        }
    }

    /// Makes topics with the brokers' default replication.
    ///
    /// - Throws: `.unusable`, naming the topic and the broker's reason.
    public static func create(_ wanted: [Topic], brokers: String) throws(EventLogError) {
        var topics: [OpaquePointer?] = []
        defer { rd_kafka_NewTopic_destroy_array(&topics, topics.count) }
        for topic in wanted {
            var message = [CChar](repeating: 0, count: 512)
            // -1: the broker's default.
            guard
                let made = rd_kafka_NewTopic_new(topic.name, Int32(topic.partitions), -1, &message, message.count)
            else { throw .unusable("\(topic.name) is no topic: \(RawClient.text(message))") }
            for (name, value) in topic.settings { rd_kafka_NewTopic_set_config(made, name, value) }
            topics.append(made)
        }
        let client = try RawClient(RD_KAFKA_PRODUCER, ["bootstrap.servers": brokers])
        let queue = rd_kafka_queue_new(client.handle)
        defer { rd_kafka_queue_destroy(queue) }
        let options = rd_kafka_AdminOptions_new(client.handle, RD_KAFKA_ADMIN_OP_CREATETOPICS)
        defer { rd_kafka_AdminOptions_destroy(options) }
        rd_kafka_CreateTopics(client.handle, &topics, topics.count, options, queue)
        guard let event = rd_kafka_queue_poll(queue, 30_000) else {
            throw .unusable("\(brokers) makes no topics within 30 s")
        }
        defer { rd_kafka_event_destroy(event) }
        guard rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR,
            let result = rd_kafka_event_CreateTopics_result(event)
        else { throw .unusable("\(brokers): \(String(cString: rd_kafka_event_error_string(event)))") }
        var count = 0
        let made = rd_kafka_CreateTopics_result_topics(result, &count)
        for index in 0..<count {
            guard let topic = made?[index] else { continue }
            let code = rd_kafka_topic_result_error(topic)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
                throw .unusable("\(String(cString: rd_kafka_topic_result_name(topic))): \(RawClient.text(code))")
            }
        }
    }

    /// Best effort: what stays behind has a name of its own and does no harm.
    public static func delete(_ names: [String], brokers: String) {
        guard let client = try? RawClient(RD_KAFKA_PRODUCER, ["bootstrap.servers": brokers]) else { return }
        var list = names.map { rd_kafka_DeleteTopic_new($0) }
        defer { rd_kafka_DeleteTopic_destroy_array(&list, list.count) }
        let queue = rd_kafka_queue_new(client.handle)
        defer { rd_kafka_queue_destroy(queue) }
        rd_kafka_DeleteTopics(client.handle, &list, list.count, nil, queue)
        if let event = rd_kafka_queue_poll(queue, 10_000) { rd_kafka_event_destroy(event) }
    }
}
