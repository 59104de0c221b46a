public import EventLog
public import Logging

/// The log of a shop that has outgrown one machine: Kafka topics, checked when they are opened.
public struct KafkaLog: Sendable {
    public let log: any EventLog
    public let outputs: any OutputLog
    private let settings: KafkaSettings
    private let queries: KafkaQueries
    private let logger: Logger

    /// - Throws: `.unusable` where a property is not to be set, no broker answers, or a topic is missing or does not fit
    ///   (`KafkaTopics.check`); topics are never made here.
    public static func open(
        _ settings: KafkaSettings, logger: Logger
    ) async throws(EventLogError) -> KafkaLog {
        try OwnProperties.check(settings.properties)
        let queries = try KafkaQueries(settings: settings, group: settings.group, logger: logger)
        let topics = try await KafkaTopics(settings, client: queries.client, logger: logger)
            .checked([.events, .rejected, .scores, .outcomes])
        guard let count = topics[.events]?.partitions else {
            preconditionFailure("KafkaLog.open: topics fit without events")
        }
        return KafkaLog(
            log: try KafkaEventLog(settings: settings, partitionCount: count, queries: queries, logger: logger),
            outputs: KafkaOutputs(partitionCount: count, settings: settings, queries: queries, logger: logger),
            settings: settings, queries: queries, logger: logger)
    }

    /// A member of the scorers' group.
    public func makeConsumer() throws(EventLogError) -> any EventConsumer {
        try KafkaConsumer(settings: settings, queries: queries, logger: logger)
    }

    public func close() async { await log.close() }
}
