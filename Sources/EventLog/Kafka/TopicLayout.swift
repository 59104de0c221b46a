package import EventLog

/// How a shop's topics are made.
public struct TopicLayout: Sendable, Equatable {
    /// Of `events`, `scores` and `outcomes`; fixed for the life of a shop.
    public var partitions: Int
    /// `nil`: three, or as many as there are brokers where these are fewer.
    public var replicationFactor: Int?
    /// How long `events` are kept. A session may last a day, and it must be there to be folded again.
    public var retention: Duration

    public static let leastRetention = Duration.seconds(48 * 3_600)

    public init(partitions: Int, replicationFactor: Int? = nil, retention: Duration = .seconds(7 * 24 * 3_600)) {
        self.partitions = partitions
        self.replicationFactor = replicationFactor
        self.retention = retention
    }

    package func partitions(of topic: KafkaSettings.Topic) -> Int {
        topic.hasOnePartition ? 1 : partitions
    }

    /// The settings in which a topic differs from the cluster's defaults.
    package func configuration(of topic: KafkaSettings.Topic, replicationFactor: Int) -> [String: String] {
        var configuration = ["cleanup.policy": topic == .models ? "compact" : "delete"]
        // One replica may be away, and what is acknowledged is on two all the same.
        if replicationFactor >= 3 { configuration["min.insync.replicas"] = "2" }
        if topic == .events {
            configuration["message.timestamp.type"] = "LogAppendTime"
            configuration["retention.ms"] = String(retention.components.seconds * 1_000)
        }
        return configuration
    }

    /// - Throws: `.unusable` where no shop could run on it.
    package func check() throws(EventLogError) {
        guard (1...10_000).contains(partitions) else {
            throw .unusable("\(partitions) partitions: give 1 to 10,000")
        }
        if let replicationFactor, !(1...100).contains(replicationFactor) {
            throw .unusable("a replication factor of \(replicationFactor): give 1 or more, at most the brokers")
        }
        guard retention >= Self.leastRetention, retention < .seconds(100 * 366 * 86_400) else {
            throw .unusable("events kept for \(retention): give 48 hours or more, under a century")
        }
    }
}

extension KafkaSettings.Topic {
    /// Those whose records have one order of their own.
    package var hasOnePartition: Bool {
        switch self {
        case .rejected, .models, .retrainLease: true
        case .events, .scores, .outcomes: false
        }
    }
}
