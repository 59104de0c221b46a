import CRDKafka
import EventLog
import Foundation

/// The cluster that a program tries: a given one, or librdkafka's mock in this process.
public struct Cluster: Sendable {
    public let brokers: String
    private let mock: MockCluster?

    /// A cluster that somebody runs.
    public init(brokers: String) {
        self.brokers = brokers
        mock = nil
    }

    public init(_ mock: MockCluster) {
        brokers = mock.brokers
        self.mock = mock
    }

    /// It keeps transactions, offsets sent with them, and `read_committed`; the mock does not.
    public var isReal: Bool { mock == nil }

    /// Makes a shop's topics: on a real cluster as an operator would.
    ///
    /// - Throws: `.unusable` with what the program said.
    public func create(_ topics: ShopTopics, by workplace: Workplace) async throws {
        if let mock {
            for (name, partitions) in topics.all { mock.create(name, partitions: partitions) }
            return
        }
        try await workplace.createTopics(topics)
        let client = try RawClient(RD_KAFKA_PRODUCER, ["bootstrap.servers": brokers])
        // Not every broker knows them at once.
        let deadline = ContinuousClock.now + .seconds(30)
        while try client.partitions(of: topics.names).values.contains(0) {
            guard ContinuousClock.now < deadline else {
                throw EventLogError.unusable("the topics \(topics.prefix).* are not there 30 s after they were made")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Best effort: what stays behind has a name of its own and does no harm.
    public func delete(_ topics: ShopTopics) {
        guard isReal, let client = try? RawClient(RD_KAFKA_PRODUCER, ["bootstrap.servers": brokers]) else { return }
        var list = topics.names.map { rd_kafka_DeleteTopic_new($0) }
        defer { rd_kafka_DeleteTopic_destroy_array(&list, list.count) }
        let queue = rd_kafka_queue_new(client.handle)
        defer { rd_kafka_queue_destroy(queue) }
        rd_kafka_DeleteTopics(client.handle, &list, list.count, nil, queue)
        if let event = rd_kafka_queue_poll(queue, 10_000) { rd_kafka_event_destroy(event) }
    }
}

/// The topics of one shop.
public struct ShopTopics: Sendable {
    public let prefix: String
    public let partitions: Int

    public init(prefix: String, partitions: Int) {
        self.prefix = prefix
        self.partitions = partitions
    }

    public func name(_ topic: String) -> String { "\(prefix).\(topic)" }
    public var names: [String] { all.map(\.name) }

    var all: [(name: String, partitions: Int)] {
        ["events", "scores", "outcomes"].map { (name($0), partitions) }
            + ["rejected", "models", "retrain-lease"].map { (name($0), 1) }
    }
}

extension RawClient {
    /// How many partitions each topic has; 0 where it is not there.
    func partitions(of names: [String]) throws(EventLogError) -> [String: Int] {
        var metadata: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(handle, 1, nil, &metadata, 5_000)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else {
            throw .unusable("no broker answers: \(Self.text(code))")
        }
        defer { rd_kafka_metadata_destroy(metadata) }
        var counts = Dictionary(uniqueKeysWithValues: names.map { ($0, 0) })
        for index in 0..<Int(metadata.pointee.topic_cnt) {
            let topic = metadata.pointee.topics[index]
            let name = String(cString: topic.topic)
            if counts[name] != nil, topic.err == RD_KAFKA_RESP_ERR_NO_ERROR { counts[name] = Int(topic.partition_cnt) }
        }
        return counts
    }
}
