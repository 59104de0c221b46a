import CRDKafka
public import EventLog
public import Logging

/// A shop's topics: makes them and tells how they are. Never changes a topic that is there.
public struct KafkaTopics: Sendable {
    private let settings: KafkaSettings
    private let client: KafkaClient
    private let logger: Logger
    private let queue = BlockingQueue("topics")
    private static let timeout_ms: Int32 = 30_000

    /// - Throws: `.unusable` where a property is not to be set.
    public init(_ settings: KafkaSettings, logger: Logger) throws(EventLogError) {
        try OwnProperties.check(settings.properties)
        self.init(
            settings,
            client: try KafkaClient(
                .producer, settings.base, overriding: settings.properties, context: CallbackContext(logger: logger)),
            logger: logger)
    }

    /// Over a client that is there already; any kind can ask.
    init(_ settings: KafkaSettings, client: KafkaClient, logger: Logger) {
        self.settings = settings
        self.client = client
        self.logger = logger
    }

    /// Makes those topics of a shop that are not there.
    ///
    /// - Returns: the names of those it made.
    /// - Throws: `.unusable`, naming the topic and the broker's reason; topics before it may have been made.
    public func create(_ layout: TopicLayout) async throws(EventLogError) -> [String] {
        try await create(layout, with: [:])
    }

    /// - Parameter overrides: settings that go before the layout's.
    package func create(
        _ layout: TopicLayout, with overrides: [KafkaSettings.Topic: [String: String]]
    ) async throws(EventLogError) -> [String] {
        try layout.check()
        return try await queue.run { [self] () throws(EventLogError) in
            let metadata = try metadata()
            defer { rd_kafka_metadata_destroy(metadata) }
            let replicas = layout.replicationFactor ?? max(1, min(3, Int(metadata.pointee.broker_cnt)))
            var topics: [OpaquePointer?] = []
            defer { rd_kafka_NewTopic_destroy_array(&topics, topics.count) }
            for topic in KafkaSettings.Topic.allCases {
                let configuration = layout.configuration(of: topic, replicationFactor: replicas)
                    .merging(overrides[topic] ?? [:]) { $1 }
                topics.append(try newTopic(topic, layout.partitions(of: topic), replicas, configuration))
            }
            let event = try ask(RD_KAFKA_ADMIN_OP_CREATETOPICS, within_ms: Self.timeout_ms, "make topics") {
                rd_kafka_CreateTopics(client.handle, &topics, topics.count, $0, $1)
            }
            defer { rd_kafka_event_destroy(event) }
            return try made(event)
        }
    }

    private func newTopic(
        _ topic: KafkaSettings.Topic, _ partitions: Int, _ replicas: Int, _ configuration: [String: String]
    ) throws(EventLogError) -> OpaquePointer {
        let name = settings.name(of: topic)
        var message = [CChar](repeating: 0, count: 512)
        guard
            let made = rd_kafka_NewTopic_new(
                name, Int32(partitions), Int32(replicas), &message, message.count)
        else { throw .unusable("topic \(name) cannot be asked for: \(KafkaClient.text(message))") }
        for (key, value) in configuration { rd_kafka_NewTopic_set_config(made, key, value) }
        return made
    }

    private func made(_ event: OpaquePointer) throws(EventLogError) -> [String] {
        var count = 0
        guard let results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)
        else { throw .unusable("\(settings.brokers) does not say which topics it made") }
        var names: [String] = []
        for index in 0..<count {
            guard let result = results[index] else { continue }
            let name = String(cString: rd_kafka_topic_result_name(result))
            switch rd_kafka_topic_result_error(result) {
            case RD_KAFKA_RESP_ERR_NO_ERROR: names.append(name)
            case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: continue
            case let code:
                let reason = rd_kafka_topic_result_error_string(result).map { String(cString: $0) }
                throw .unusable("topic \(name) is not made: \(reason ?? KafkaClient.text(code))")
            }
        }
        return names
    }

    /// A shop's topics as they are, those that are missing among them.
    ///
    /// - Throws: `.unusable` where no broker answers.
    package func describe() async throws(EventLogError) -> [KafkaSettings.Topic: TopicDescription] {
        try await queue.run { [self] () throws(EventLogError) in
            var topics = try seen()
            let there = KafkaSettings.Topic.allCases.filter { topics[$0]?.partitions != nil }
            do throws(EventLogError) {
                for (topic, configuration) in try configurations(of: there) {
                    topics[topic]?.configuration = configuration
                }
            } catch {
                // Findings say of each topic that its settings are not known.
                logger.info("\(error)")
            }
            return topics
        }
    }

    /// Describes the topics and sees to it that those of them which a caller needs fit.
    ///
    /// - Throws: `.unusable`, naming everything that is wrong with them.
    func checked(
        _ needed: [KafkaSettings.Topic]
    ) async throws(EventLogError) -> [KafkaSettings.Topic: TopicDescription] {
        let topics = try await describe()
        let names = needed.map { settings.name(of: $0) }
        let findings = Self.findings(topics, settings: settings).filter { names.contains($0.topic) }
        for finding in findings where finding.severity == .warning { logger.warning("\(finding)") }
        let errors = findings.filter { $0.severity == .error }
        guard errors.isEmpty else { throw .unusable(errors.map(\.description).joined(separator: "\n")) }
        return topics
    }

    /// Describes the topics, and holds them to what Dinghy needs of them.
    public func check() async throws(EventLogError) -> (topics: [TopicDescription], findings: [TopicFinding]) {
        let topics = try await describe()
        return (KafkaSettings.Topic.allCases.compactMap { topics[$0] }, Self.findings(topics, settings: settings))
    }

    /// What this user sees of the topics. All are asked for: asking for one by its name might make it.
    private func seen() throws(EventLogError) -> [KafkaSettings.Topic: TopicDescription] {
        let metadata = try metadata()
        defer { rd_kafka_metadata_destroy(metadata) }
        let topics = UnsafeBufferPointer(start: metadata.pointee.topics, count: Int(metadata.pointee.topic_cnt))
        return Dictionary(
            uniqueKeysWithValues: KafkaSettings.Topic.allCases.map { topic in
                let name = settings.name(of: topic)
                var description = TopicDescription(
                    name: name, partitions: nil, replicationFactor: nil, configuration: nil)
                let found = topics.first {
                    $0.err == RD_KAFKA_RESP_ERR_NO_ERROR && $0.partition_cnt > 0 && String(cString: $0.topic) == name
                }
                if let found {
                    description.partitions = Int(found.partition_cnt)
                    description.replicationFactor = UnsafeBufferPointer(
                        start: found.partitions, count: Int(found.partition_cnt)
                    ).map { Int($0.replica_cnt) }.min()
                }
                return (topic, description)
            })
    }

    private func metadata() throws(EventLogError) -> UnsafePointer<rd_kafka_metadata> {
        var metadata: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(client.handle, 1, nil, &metadata, 5_000)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else {
            throw .unusable(
                "no Kafka broker answers at \(settings.brokers) (\(KafkaClient.text(code))): start one, or correct "
                    + "kafka.brokers and kafka.properties")
        }
        return metadata
    }

    /// The settings of topics; those are left out that this user may not read.
    private func configurations(
        of topics: [KafkaSettings.Topic]
    ) throws(EventLogError) -> [KafkaSettings.Topic: [String: String]] {
        guard !topics.isEmpty else { return [:] }
        var resources = topics.map { rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, settings.name(of: $0)) }
        defer { rd_kafka_ConfigResource_destroy_array(&resources, resources.count) }
        let event = try ask(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, within_ms: 5_000, "tell how topics are set") {
            rd_kafka_DescribeConfigs(client.handle, &resources, resources.count, $0, $1)
        }
        defer { rd_kafka_event_destroy(event) }
        var count = 0
        guard
            let described = rd_kafka_DescribeConfigs_result_resources(
                rd_kafka_event_DescribeConfigs_result(event), &count)
        else { return [:] }
        var configurations: [KafkaSettings.Topic: [String: String]] = [:]
        for index in 0..<count {
            guard let resource = described[index],
                rd_kafka_ConfigResource_error(resource) == RD_KAFKA_RESP_ERR_NO_ERROR,
                let topic = topics.first(where: {
                    settings.name(of: $0) == String(cString: rd_kafka_ConfigResource_name(resource))
                })
            else { continue }
            configurations[topic] = Self.entries(of: resource)
        }
        return configurations
    }

    private static func entries(of resource: OpaquePointer) -> [String: String] {
        var count = 0
        guard let entries = rd_kafka_ConfigResource_configs(resource, &count) else { return [:] }
        var configuration: [String: String] = [:]
        for index in 0..<count {
            guard let entry = entries[index], let value = rd_kafka_ConfigEntry_value(entry) else { continue }
            configuration[String(cString: rd_kafka_ConfigEntry_name(entry))] = String(cString: value)
        }
        return configuration
    }

    private func hasController(within_ms timeout: Int32) throws(EventLogError) -> Bool {
        let controller = rd_kafka_controllerid(client.handle, timeout)
        let metadata = try metadata()
        defer { rd_kafka_metadata_destroy(metadata) }
        return (0..<Int(metadata.pointee.broker_cnt)).contains { metadata.pointee.brokers[$0].id == controller }
    }

    /// Sends one request and waits for its answer, which the caller destroys.
    private func ask(
        _ operation: rd_kafka_admin_op_t, within_ms timeout: Int32, _ what: String,
        _ send: (OpaquePointer?, OpaquePointer) -> Void
    ) throws(EventLogError) -> OpaquePointer {
        // Such requests go to the controller, and librdkafka waits for one as long as it may.
        guard try hasController(within_ms: timeout) else {
            throw .failed("\(settings.brokers) does not \(what): none of its brokers is the controller")
        }
        guard let answers = rd_kafka_queue_new(client.handle),
            let options = rd_kafka_AdminOptions_new(client.handle, operation)
        else { preconditionFailure("KafkaTopics.ask: no memory") }
        defer {
            rd_kafka_AdminOptions_destroy(options)
            rd_kafka_queue_destroy(answers)
        }
        var message = [CChar](repeating: 0, count: 512)
        rd_kafka_AdminOptions_set_request_timeout(options, timeout, &message, message.count)
        send(options, answers)
        // The request's own limit comes first.
        guard let event = rd_kafka_queue_poll(answers, timeout + 5_000) else {
            throw .failed("\(settings.brokers) does not \(what) in time")
        }
        let code = rd_kafka_event_error(event)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            defer { rd_kafka_event_destroy(event) }
            let reason = String(cString: rd_kafka_event_error_string(event))
            throw .failed("\(settings.brokers) does not \(what): \(reason)")
        }
        return event
    }
}
