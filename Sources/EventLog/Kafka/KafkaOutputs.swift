import EventLog
import Logging

/// Scores and outcomes as topics, with as many partitions as `events`; positions in the offset metadata of the scorers'
/// group.
struct KafkaOutputs: OutputLog {
    let partitionCount: Int
    let settings: KafkaSettings
    let queries: KafkaQueries
    let logger: Logger

    func bounds(_ stream: OutputStream, partition: Int) async throws(EventLogError) -> Range<Int64> {
        try await queries.bounds(settings.name(of: stream.topic), partition: partition)
    }

    func reader(
        _ stream: OutputStream, partition: Int, from offset: Int64
    ) async throws(EventLogError) -> any EventReader {
        try KafkaReader(
            topic: settings.name(of: stream.topic), partition: partition, from: offset, settings: settings,
            logger: logger)
    }

    func position(partition: Int) async throws(EventLogError) -> String? {
        try await queries.committed(settings.name(of: .events), partition: partition)?.metadata
    }
}

extension OutputStream {
    var topic: KafkaSettings.Topic { self == .scores ? .scores : .outcomes }
}
