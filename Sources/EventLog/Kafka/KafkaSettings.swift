/// Which cluster, and by which names.
public struct KafkaSettings: Sendable {
    /// `host:port[,host:port…]`
    public var brokers: String
    /// Topics are `PREFIX.events`, `PREFIX.rejected`, `PREFIX.scores`, `PREFIX.outcomes`, `PREFIX.models` and
    /// `PREFIX.retrain-lease`.
    public var topicPrefix: String
    /// The consumer group of all scorers of a shop.
    public var group: String
    /// Name of this process among the scorers, the same after a restart: part of its transactional id.
    public var instance: String
    /// Handed to librdkafka as they are (TLS, SASL, compression…); those on which a promise depends are refused. Never
    /// logged.
    public var properties: [String: String]

    public init(
        brokers: String, topicPrefix: String, group: String, instance: String, properties: [String: String]
    ) {
        self.brokers = brokers
        self.topicPrefix = topicPrefix
        self.group = group
        self.instance = instance
        self.properties = properties
    }

    package enum Topic: String, CaseIterable, Sendable {
        case events, rejected, scores, outcomes
        /// The only compacted one. One partition: its order is the order of all changes.
        case models
        /// Holds nothing. The member of a group that owns its one partition has the right to retrain.
        case retrainLease = "retrain-lease"
    }

    package func name(of topic: Topic) -> String { "\(topicPrefix).\(topic.rawValue)" }

    /// A shop's name stands before the instance's, so that shops on one cluster do not fence each other.
    package var scorerTransactionalID: String { "\(topicPrefix)-score-\(instance)" }

    /// The same for all processes of a shop, so that the latest writer of models fences those before it.
    var modelsTransactionalID: String { "\(topicPrefix)-models" }

    var retrainGroup: String { "\(topicPrefix)-retrain" }

    func replayGroup(_ name: String) -> String { "\(topicPrefix)-replay-\(name)" }

    /// What every client has.
    package var base: [String: String] {
        [
            "bootstrap.servers": brokers, "client.id": "dinghy-\(instance)", "log_level": "4",
            "allow.auto.create.topics": "false", "topic.metadata.refresh.interval.ms": "30000",
        ]
    }

    /// Live events: all in-sync replicas, no duplicates by retries, given up after five seconds so that the sender
    /// hears of it. The buffer is larger than what this process lets wait, so that a full one is never half a batch.
    package var producer: [String: String] {
        base.merging([
            "acks": "all", "enable.idempotence": "true", "linger.ms": "5", "message.timeout.ms": "5000",
            "queue.buffering.max.messages": "\(2 * KafkaEventLog.maxQueuedRecords)",
            "queue.buffering.max.kbytes": "\(4 * KafkaEventLog.maxQueuedBytes >> 10)",
        ]) { $1 }
    }

    package func transactional(id: String) -> [String: String] {
        base.merging([
            "acks": "all", "enable.idempotence": "true", "linger.ms": "5", "transactional.id": id,
            "transaction.timeout.ms": "10000", "message.timeout.ms": "9000",
        ]) { $1 }
    }

    /// A consumer that is told where to read; `group` only names whose offsets it may ask for.
    package func reader(group: String) -> [String: String] {
        base.merging([
            "group.id": group, "enable.auto.commit": "false", "isolation.level": "read_committed",
            "auto.offset.reset": "earliest", "enable.partition.eof": "true", "fetch.wait.max.ms": "100",
        ]) { $1 }
    }

    /// The scorer's consumer. Eager rebalancing: cooperative-sticky has known faults at close in librdkafka 2.0.
    package var member: [String: String] {
        reader(group: group).merging([
            "partition.assignment.strategy": "range,roundrobin",
            "session.timeout.ms": "10000", "heartbeat.interval.ms": "1000",
        ]) { $1 }
    }

    /// The consumer that holds the right to retrain.
    ///
    /// - Parameter clientID: where the group's member ids begin, as brokers make them; by their order the leader hands
    ///   the partition out.
    func lease(clientID: String) -> [String: String] {
        reader(group: retrainGroup).merging([
            "enable.partition.eof": "false", "partition.assignment.strategy": "range", "client.id": clientID,
            "session.timeout.ms": "10000", "heartbeat.interval.ms": "1000",
        ]) { $1 }
    }
}
