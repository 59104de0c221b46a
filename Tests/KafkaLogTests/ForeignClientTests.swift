import EventLog
import Foundation
import KafkaLog
import KafkaRig
import Testing

/// Programs in another language write events and read scores: the examples in `docs/examples`, run with
/// confluent-kafka.
@Suite(.timeLimit(.minutes(3)))
struct ForeignClientTests {
    /// A Python that has confluent-kafka: `DINGHY_TEST_PYTHON`, or `python3`.
    static let python: String? = {
        let candidates = [ProcessInfo.processInfo.environment["DINGHY_TEST_PYTHON"], "/usr/bin/python3"]
        let found = candidates.compactMap(\.self).first { candidate in
            guard FileManager.default.isExecutableFile(atPath: candidate) else { return false }
            let process = Process()
            process.executableURL = URL(filePath: candidate)
            process.arguments = ["-c", "import confluent_kafka"]
            process.standardError = FileHandle.nullDevice
            guard (try? process.run()) != nil else { return false }
            process.waitUntilExit()
            return process.terminationStatus == 0
        }
        if found == nil {
            print("no Python with confluent-kafka (DINGHY_TEST_PYTHON): nothing is tried with foreign clients")
        }
        return found
    }()

    private static let examples = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/examples")

    private static func run(_ example: String, _ arguments: [String]) async throws -> (code: Int32, output: String) {
        let log = FileManager.default.temporaryDirectory.appending(path: "dinghy-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: log) }
        return try await Child.run(
            try #require(python), [examples.appending(path: example).path()] + arguments, log: log)
    }

    private struct Place: Decodable {
        var id: String
        var partition: Int
        var offset: Int64
    }

    /// The example writes; every record is where this program would have put it, and is an event.
    private static func write(to kafka: KafkaLog, _ settings: KafkaSettings) async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "dinghy-\(UUID().uuidString).ndjson").path()
        defer { try? FileManager.default.removeItem(atPath: file) }
        let keys = (0..<50).map { $0 % 5 == 0 ? "v:visitor-\($0)" : "s:séance-\($0)" }
        let lines = keys.enumerated().map { number, key in
            let field = key.hasPrefix("v:") ? "visitor" : "session"
            return #"{"id":"e\#(number)","\#(field)":"\#(key.dropFirst(2))","type":"detail","sku":"K-2"}"#
        }
        try (lines.joined(separator: "\n") + "\n").write(toFile: file, atomically: true, encoding: .utf8)
        let result = try await run(
            "kafka_producer.py", ["--brokers", settings.brokers, "--prefix", settings.topicPrefix, file])
        try #require(result.code == 0, "\(result.output)")
        let places = try result.output.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
            try JSONDecoder().decode(Place.self, from: Data($0.utf8))
        }
        #expect(Set(places.map(\.id)) == Set((0..<50).map { "e\($0)" }))
        for place in places {
            let key = keys[try #require(Int(place.id.dropFirst()))]
            #expect(place.partition == Partitioner.partition(ofKey: key, count: kafka.log.partitionCount))
        }
        var read = 0
        for partition in 0..<kafka.log.partitionCount {
            let reader = try await kafka.log.reader(partition: partition, from: 0)
            while case let records = try await reader.next(limit: 100, wait: .zero), !records.isEmpty {
                read += records.count
            }
        }
        #expect(read == 50)
    }

    @Test(.enabled(if: python != nil, "set DINGHY_TEST_PYTHON to a Python with confluent-kafka"))
    func aForeignProducerWritesWhereAKeyBelongsOnTheMock() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics)
        let kafka = try await KafkaLog.open(cluster.settings(), logger: MockCluster.logger)
        try await Self.write(to: kafka, cluster.settings())
        await kafka.close()
        withExtendedLifetime(cluster) {}
    }

    @Test(
        .enabled(if: ClusterTests.brokers != nil, "set DINGHY_TEST_KAFKA=host:port"),
        .enabled(if: python != nil, "set DINGHY_TEST_PYTHON to a Python with confluent-kafka"))
    func aForeignProducerWritesWhereAKeyBelongsOnACluster() async throws {
        let (settings, topics) = try await ClusterTests.shop()
        let kafka = try await ClusterTests.open(settings)
        try await Self.write(to: kafka, settings)
        await kafka.close()
        Administration.delete(topics, brokers: settings.brokers)
    }

    /// Reads back scores that were committed; of one partition, in their order.
    @Test(.enabled(if: python != nil, "set DINGHY_TEST_PYTHON to a Python with confluent-kafka"))
    func aForeignConsumerReadsScoresOnTheMock() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics)
        let kafka = try await KafkaLog.open(cluster.settings(), logger: MockCluster.logger)
        try await Self.commitScores(kafka, count: 20)
        try await Self.expectScores(20, cluster.settings())
        await kafka.close()
        withExtendedLifetime(cluster) {}
    }

    @Test(
        .enabled(if: ClusterTests.brokers != nil, "set DINGHY_TEST_KAFKA=host:port"),
        .enabled(if: python != nil, "set DINGHY_TEST_PYTHON to a Python with confluent-kafka"))
    func aForeignConsumerReadsScoresOnACluster() async throws {
        let (settings, topics) = try await ClusterTests.shop()
        let kafka = try await ClusterTests.open(settings)
        try await Self.commitScores(kafka, count: 20)
        try await Self.expectScores(20, settings)
        await kafka.close()
        Administration.delete(topics, brokers: settings.brokers)
    }

    private static func commitScores(_ kafka: KafkaLog, count: Int) async throws {
        let consumer = try kafka.makeConsumer()
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            guard case .assigned(let partitions) = try await consumer.next(limit: 10) else { continue }
            for partition in partitions { try await consumer.begin(partition: partition.partition, at: 0) }
            break
        }
        let scores = (0..<count).map {
            OutputRecord(key: "s:a", value: Array(#"{"session":"0:0","offset":\#($0),"score":0.25}"#.utf8))
        }
        try await consumer.commit([
            ScoredBatch(
                partition: 0, follows: nil, next: Int64(count), lowWaterOffset: 0, position: "p", scores: scores,
                outcomes: [])
        ])
        await consumer.close()
    }

    private struct Score: Decodable { var offset: Int }

    private static func expectScores(_ count: Int, _ settings: KafkaSettings) async throws {
        let result = try await run(
            "kafka_scores.py", ["--brokers", settings.brokers, "--prefix", settings.topicPrefix, "--until-end"])
        #expect(result.code == 0, "\(result.output)")
        let offsets = try result.output.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
            try JSONDecoder().decode(Score.self, from: Data($0.utf8)).offset
        }
        #expect(offsets == Array(0..<count))
    }
}
