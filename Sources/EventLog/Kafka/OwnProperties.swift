package import EventLog

/// librdkafka's properties on which a promise of the log stands: they are not for the configuration to change.
package enum OwnProperties {
    private static let names: Set<String> = [
        "bootstrap.servers", "metadata.broker.list", "group.id", "transactional.id", "enable.idempotence", "acks",
        "request.required.acks", "enable.auto.commit", "auto.commit.enable", "enable.auto.offset.store",
        "isolation.level", "partition.assignment.strategy", "allow.auto.create.topics", "auto.offset.reset",
        "enable.partition.eof", "queue.buffering.max.messages", "queue.buffering.max.kbytes", "partitioner",
        "transaction.timeout.ms",
    ]
    /// How long a live record may wait. Those of a transaction wait less than their transaction, whatever is set.
    private static let deliveryTimeouts: Set<String> = ["message.timeout.ms", "delivery.timeout.ms"]

    /// - Throws: `.unusable`, naming the first property that is not to be set.
    package static func check(_ properties: [String: String]) throws(EventLogError) {
        guard let name = properties.keys.sorted().first(where: names.contains) else { return }
        throw .unusable("kafka.properties.\(name) cannot be set: Dinghy's promises depend on it; remove it")
    }

    /// What of the configured properties a client takes over: `own` is what it has without them.
    package static func merge(_ own: [String: String], _ configured: [String: String]) -> [String: String] {
        var merged = own
        for (name, value) in configured {
            if deliveryTimeouts.contains(name) {
                // Two names for one property: both given, librdkafka would take either.
                guard own["transactional.id"] == nil, own["message.timeout.ms"] != nil else { continue }
                merged["message.timeout.ms"] = value
            } else {
                merged[name] = value
            }
        }
        return merged
    }
}
