import CRDKafka
import EventLog
import Foundation

/// The cluster that a program tries: a given one, or librdkafka's mock in a process of its own.
public struct Cluster: Sendable {
    public let brokers: String
    /// It keeps transactions, offsets sent with them, and `read_committed`; the mock does not.
    public let isReal: Bool
    private let mock: Child?

    /// A cluster that somebody runs.
    public init(brokers: String) {
        self.brokers = brokers
        isReal = true
        mock = nil
    }

    /// Starts the mock: this program again, with `mock-cluster`.
    ///
    /// - Throws: `.unusable` where it does not say within ten seconds where it listens.
    public static func mock(program: String, directory: String) async throws -> Cluster {
        let log = directory + "/mock-cluster.log"
        let child = try Child(program, ["mock-cluster"], log: log)
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline, child.exitCode == nil {
            if let text = try? String(contentsOfFile: log, encoding: .utf8), let end = text.firstIndex(of: "\n") {
                return Cluster(brokers: String(text[..<end]), mock: child)
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        child.signal(SIGKILL)
        throw EventLogError.unusable("the mock cluster does not start: \(log)")
    }

    private init(brokers: String, mock: Child) {
        self.brokers = brokers
        self.mock = mock
        isReal = false
    }

    public func end() async {
        guard let mock else { return }
        mock.signal(SIGKILL)
        await mock.wait()
    }

    /// Makes a shop's topics.
    public func create(_ topics: ShopTopics) async throws {
        guard isReal else {
            // The mock knows no requests to make topics, but makes what is asked for, with the partitions it was told.
            _ = try RawClient(RD_KAFKA_PRODUCER, ["bootstrap.servers": brokers]).touch(topics.names)
            return
        }
        let client = try RawClient(RD_KAFKA_PRODUCER, ["bootstrap.servers": brokers])
        // Whether anybody is there at all is told sooner than that no topics are made.
        _ = try client.partitions(of: [])
        try Administration.create(topics.all, brokers: brokers)
        // Not every broker knows them at once.
        let deadline = ContinuousClock.now + .seconds(30)
        while try client.partitions(of: topics.names).values.contains(0) {
            guard ContinuousClock.now < deadline else {
                throw EventLogError.unusable("the topics \(topics.prefix).* are not there 30 s after they were made")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    public func delete(_ topics: ShopTopics) {
        if isReal { Administration.delete(topics.names, brokers: brokers) }
    }

    /// What runs in the mock's process: says where it listens, then stays until it is killed.
    public static func runMock(partitions: Int = mockPartitions) -> Never {
        var message = [CChar](repeating: 0, count: 512)
        let configuration = rd_kafka_conf_new()
        rd_kafka_conf_set(configuration, "log_level", "0", &message, message.count)
        guard let owner = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &message, message.count),
            let cluster = rd_kafka_mock_cluster_new(owner, 1), let brokers = rd_kafka_mock_cluster_bootstraps(cluster)
        else { preconditionFailure("Cluster.runMock: librdkafka makes no cluster") }
        print(String(cString: brokers))
        fflush(nil)
        while true { sleep(3_600) }
    }

    /// Of every topic that the mock makes by itself.
    public static let mockPartitions = 4
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

    var all: [Administration.Topic] {
        [
            .init(
                name("events"), partitions: partitions,
                settings: ["message.timestamp.type": "LogAppendTime", "max.message.bytes": "2097152"]),
            .init(name("scores"), partitions: partitions), .init(name("outcomes"), partitions: partitions),
            .init(name("rejected"), partitions: 1),
            .init(name("models"), partitions: 1, settings: ["cleanup.policy": "compact"]),
            .init(name("retrain-lease"), partitions: 1),
        ]
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

    /// Asks for topics by name: where brokers make what is asked for, they are there afterwards.
    func touch(_ names: [String]) throws(EventLogError) {
        for name in names {
            guard let topic = rd_kafka_topic_new(handle, name, nil) else { throw .unusable("\(name) is no topic") }
            defer { rd_kafka_topic_destroy(topic) }
            var metadata: UnsafePointer<rd_kafka_metadata>?
            let code = rd_kafka_metadata(handle, 0, topic, &metadata, 10_000)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw .unusable("\(name): \(Self.text(code))") }
            rd_kafka_metadata_destroy(metadata)
        }
    }
}
