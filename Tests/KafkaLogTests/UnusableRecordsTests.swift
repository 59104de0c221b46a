import EventLog
import Foundation
import KafkaLog
import KafkaRig
import Scoring
import Sessions
import Testing

/// What other producers write to the events topic and no fold can use: kept in `rejected` with its place, never in the
/// way of what follows it.
@Suite(.timeLimit(.minutes(2)))
struct UnusableRecordsTests {
    private static let poison: [(key: String?, value: [UInt8])] = [
        ("s:a", Array("no JSON".utf8)), ("s:a", []), ("s:a", Array(#"{"id":"1"}"#.utf8)),
        (nil, Array("no JSON and no key".utf8)), (nil, [0xff, 0x00]),
        ("s:a", [UInt8](repeating: UInt8(ascii: "x"), count: 1_000_000)),
    ]

    /// Poison on partition 1, a good event before it, one behind it, and one without a key: an event is what its value
    /// says.
    private static func poisoned(_ settings: KafkaSettings) async throws -> KafkaLog {
        let kafka = try await ClusterTests.open(settings)
        let producer = try RawProducer(settings.name(of: .events), brokers: settings.brokers)
        func event(_ id: String) -> [UInt8] {
            Array(#"{"id":"\#(id)","session":"a","type":"detail","timestamp":1700000000000}"#.utf8)
        }
        try producer.produce(key: "s:a", value: event("first"), partition: 1)
        for (key, value) in poison { try producer.produce(key: key, value: value, partition: 1) }
        try producer.produce(key: nil, value: event("keyless"), partition: 1)
        try producer.produce(key: "s:a", value: event("last"), partition: 1)
        try producer.flush()
        return kafka
    }

    private static func check(_ kafka: KafkaLog, _ wait: () async throws -> Void) async throws {
        let consumer = try kafka.makeConsumer()
        let service = ScoringService(
            log: kafka.log, consumer: consumer, status: ScoringStatus(), logger: MockCluster.logger,
            now: { Int64(Date().timeIntervalSince1970 * 1_000) }, champion: { _ in nil })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            try await wait()
            group.cancelAll()
            try await group.waitForAll()
        }
        await consumer.close()
        let kept = try await kafka.log.rejected(from: 0, limit: 100)
        #expect(kept.map(\.location) == (1...poison.count).map { Location(partition: 1, offset: Int64($0)) })
        for (record, poison) in zip(kept, poison) {
            #expect(record.bytes == Array(poison.value.prefix(RejectedRecord.maxBytes)))
            #expect(!record.reason.isEmpty)
        }
    }

    private static func until(_ what: String, _ condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while try await !condition() {
            guard ContinuousClock.now < deadline else {
                throw Administration.Failure(description: "not in 60 s: \(what)")
            }
            // The condition waits for brokers: asking it anew is all the waiting there is.
            await Task.yield()
        }
    }

    @Test func areKeptWithTheirPlaceOnTheMock() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics)
        let kafka = try await Self.poisoned(cluster.settings())
        try await Self.check(kafka) {
            try await Self.until("poison in rejected") {
                try await kafka.log.rejectedCount() == Int64(Self.poison.count)
            }
        }
        await kafka.close()
        withExtendedLifetime(cluster) {}
    }

    @Test(.enabled(if: ClusterTests.brokers != nil, "set DINGHY_TEST_KAFKA=host:port"))
    func areKeptWithTheirPlaceAndPassedOverOnACluster() async throws {
        let (settings, topics) = try await ClusterTests.shop()
        let kafka = try await Self.poisoned(settings)
        let end = Int64(Self.poison.count + 3)
        try await Self.check(kafka) {
            try await Self.until("a position at the end") {
                guard let text = try await kafka.outputs.position(partition: 1) else { return false }
                return try Position(decoding: text).next == end
            }
        }
        let position = try Position(decoding: try #require(try await kafka.outputs.position(partition: 1)))
        #expect(position.counters.rejected == Int64(Self.poison.count))
        #expect(position.counters.unscored == 3)
        await kafka.close()
        Administration.delete(topics, brokers: settings.brokers)
    }

    /// Whoever reads the topic finds the place as numbers.
    @Test func theTopicNamesPartitionAndOffset() throws {
        let record = RejectedRecord(
            time: 5, location: Location(partition: 3, offset: 17), reason: "no JSON", bytes: Array("x".utf8))
        let value = RejectedRecordCoder.encode(record)
        let fields = try #require(try JSONSerialization.jsonObject(with: Data(value)) as? [String: Any])
        #expect(fields["partition"] as? Int == 3)
        #expect(fields["offset"] as? Int == 17)
        #expect(try RejectedRecordCoder.decode(StoredRecord(offset: 0, time: 5, value: value)) == record)
        let other = RejectedRecordCoder.encode(RejectedRecord(time: 5, source: "collect", reason: "r", bytes: []))
        #expect(!String(decoding: other, as: UTF8.self).contains("partition"))
    }
}
