/// A topic as the brokers tell of it.
public struct TopicDescription: Sendable, Equatable, Codable {
    public var name: String
    /// `nil`: not there, or this user may not see it.
    public var partitions: Int?
    /// The fewest replicas that a partition has.
    public var replicationFactor: Int?
    /// Its settings, defaults among them; `nil` where the brokers do not tell, which takes the right to
    /// DESCRIBE_CONFIGS.
    public var configuration: [String: String]?

    public init(name: String, partitions: Int?, replicationFactor: Int?, configuration: [String: String]?) {
        self.name = name
        self.partitions = partitions
        self.replicationFactor = replicationFactor
        self.configuration = configuration
    }
}

/// What does not fit about a topic.
public struct TopicFinding: Sendable, Equatable, Codable, CustomStringConvertible {
    public enum Severity: String, Sendable, Codable {
        /// No shop runs on it.
        case error
        /// It runs, with less safety than it could have.
        case warning
    }

    public var topic: String
    public var severity: Severity
    /// What is wrong, and what to do.
    public var problem: String

    public var description: String { "topic \(topic) \(problem)" }
}

extension KafkaTopics {
    /// Holds a shop's topics to what Dinghy needs of them. Pure.
    package static func findings(
        _ topics: [KafkaSettings.Topic: TopicDescription], settings: KafkaSettings
    ) -> [TopicFinding] {
        var findings: [TopicFinding] = []
        for topic in KafkaSettings.Topic.allCases {
            func add(_ severity: TopicFinding.Severity, _ problem: String) {
                findings.append(TopicFinding(topic: settings.name(of: topic), severity: severity, problem: problem))
            }
            guard let description = topics[topic], let partitions = description.partitions else {
                add(
                    .error,
                    "is not there at \(settings.brokers), or this user may not see it: make it with `dinghy topics "
                        + "create`, or correct kafka.topic-prefix or the user's rights")
                continue
            }
            if topic.hasOnePartition, topic != .rejected, partitions != 1 {
                add(.error, "has \(partitions) partitions and needs exactly one: delete it and make it again")
            }
            if topic == .scores || topic == .outcomes, let events = topics[.events]?.partitions, partitions != events {
                add(
                    .error,
                    "has \(partitions) partitions, \(settings.name(of: .events)) has \(events): both need the same "
                        + "number")
            }
            replicas(of: description, add)
            configuration(of: topic, description, add)
        }
        return findings
    }

    private static func replicas(of topic: TopicDescription, _ add: (TopicFinding.Severity, String) -> Void) {
        guard let replicas = topic.replicationFactor else { return }
        if replicas < 2 {
            add(.warning, "is kept on one broker only: a lost disk loses it; three replicas survive two")
        } else if let least = topic.configuration?["min.insync.replicas"].flatMap({ Int($0) }) {
            if least < 2 {
                add(
                    .warning,
                    "has min.insync.replicas=\(least): what is acknowledged may be on one broker only; set it to 2")
            } else if least >= replicas {
                add(
                    .warning,
                    "has min.insync.replicas=\(least) of \(replicas) replicas: it takes no records while one broker is away"
                )
            }
        }
    }

    private static func configuration(
        of topic: KafkaSettings.Topic, _ description: TopicDescription, _ add: (TopicFinding.Severity, String) -> Void
    ) {
        guard let configuration = description.configuration else {
            add(.warning, "cannot be checked further: the brokers do not tell how it is set (DESCRIBE_CONFIGS)")
            return
        }
        let policy = configuration["cleanup.policy"] ?? "delete"
        if topic == .models {
            if policy != "compact" {
                add(.error, "has cleanup.policy=\(policy), so models would be lost: set it to compact")
            }
        } else if policy.contains("compact") {
            add(.error, "has cleanup.policy=\(policy), so records would be lost: set it to delete")
        }
        guard topic == .events else { return }
        if let type = configuration["message.timestamp.type"], type != "LogAppendTime" {
            add(
                .error,
                "has message.timestamp.type=\(type), so sessions would end by the clocks of its producers: set it to "
                    + "LogAppendTime")
        }
        let least = TopicLayout.leastRetention.components.seconds * 1_000
        if let retention = configuration["retention.ms"].flatMap({ Int64($0) }), retention != -1, retention < least {
            add(
                .error,
                "has retention.ms=\(retention), shorter than the longest session and a day to mend what failed: set "
                    + "it to \(least) or more")
        }
        if let bytes = configuration["retention.bytes"].flatMap({ Int64($0) }), bytes != -1 {
            add(.warning, "has retention.bytes=\(bytes), which may drop events before 48 hours are over")
        }
    }
}
