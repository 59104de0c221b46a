public import EventLog
public import Logging

/// The log of a shop that has outgrown one machine: Kafka topics, checked when they are opened.
public struct KafkaLog: Sendable {
    public let log: any EventLog
    public let outputs: any OutputLog
    private let settings: KafkaSettings
    private let queries: KafkaQueries
    private let logger: Logger

    /// - Throws: `.unusable` where a property is not to be set, no broker answers, a topic is missing or has another number of partitions than
    ///   `events`; topics are never made here.
    public static func open(
        _ settings: KafkaSettings, logger: Logger
    ) async throws(EventLogError) -> KafkaLog {
        try OwnProperties.check(settings.properties)
        let queries = try KafkaQueries(settings: settings, group: settings.group, logger: logger)
        let count = try partitionCount(settings, topics: try await queries.topics())
        return KafkaLog(
            log: try KafkaEventLog(settings: settings, partitionCount: count, queries: queries, logger: logger),
            outputs: KafkaOutputs(partitionCount: count, settings: settings, queries: queries, logger: logger),
            settings: settings, queries: queries, logger: logger)
    }

    /// The partitions of `events`, once all topics are known to fit.
    package static func partitionCount(
        _ settings: KafkaSettings, topics: [String: Int]
    ) throws(EventLogError) -> Int {
        func count(_ topic: KafkaSettings.Topic) throws(EventLogError) -> Int {
            let name = settings.name(of: topic)
            guard let count = topics[name], count > 0 else {
                throw .unusable(
                    "topic \(name) is not there at \(settings.brokers), or this user may not see it: create it as "
                        + "docs/kafka.md says, or correct kafka.topic-prefix")
            }
            return count
        }
        let events = try count(.events)
        _ = try count(.rejected)
        for topic in [KafkaSettings.Topic.scores, .outcomes] {
            let outputs = try count(topic)
            guard outputs == events else {
                throw .unusable(
                    "topic \(settings.name(of: topic)) has \(outputs) partitions, \(settings.name(of: .events)) has "
                        + "\(events): both need the same number")
            }
        }
        return events
    }

    /// A member of the scorers' group.
    public func makeConsumer() throws(EventLogError) -> any EventConsumer {
        try KafkaConsumer(settings: settings, queries: queries, logger: logger)
    }

    public func close() async { await log.close() }
}
