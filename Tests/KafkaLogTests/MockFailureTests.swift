import CRDKafka
import EventLog
import KafkaLog
import KafkaRig
import Testing

/// What becomes of a commit or an append that the brokers refuse: decided here from injected answers. Whether a
/// transaction is all or nothing the mock cannot show.
struct MockFailureTests {
    private static let addPartitions: Int16 = 24
    private static let addOffsets: Int16 = 25
    private static let endTransaction: Int16 = 26
    private static let commitOffsets: Int16 = 28

    private static func batch(follows: Int64?, next: Int64) -> ScoredBatch {
        ScoredBatch(
            partition: 1, follows: follows, next: next, lowWaterOffset: 0, position: "position",
            scores: [OutputRecord(key: "s:a", value: Array("{\"next\":\(next)}".utf8))], outcomes: [])
    }

    /// A shop on a cluster of its own with one scorer that holds both partitions.
    private func withScorer(_ body: (MockCluster, KafkaLog, any EventConsumer) async throws -> Void) async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics)
        let kafka = try await KafkaLog.open(cluster.settings(), logger: MockCluster.logger)
        let consumer = try kafka.makeConsumer()
        var isAssigned = false
        while !isAssigned {
            guard case .assigned(let partitions) = try await consumer.next(limit: 1) else { continue }
            for partition in partitions { try await consumer.begin(partition: partition.partition, at: 0) }
            isAssigned = true
        }
        try await body(cluster, kafka, consumer)
        await consumer.close()
        await kafka.close()
    }

    private func refusal(
        _ consumer: any EventConsumer, _ batch: ScoredBatch
    ) async -> EventLogError? {
        do throws(EventLogError) {
            try await consumer.commit([batch])
            return nil
        } catch {
            return error
        }
    }

    private static func isFailed(_ error: EventLogError?) -> Bool {
        if case .failed = error { true } else { false }
    }

    private static func isFenced(_ error: EventLogError?) -> Bool {
        if case .fenced = error { true } else { false }
    }

    @Test func anAbortedCommitMaySendTheSameOutputsAgain() async throws {
        try await withScorer { cluster, _, consumer in
            let batch = Self.batch(follows: nil, next: 5)
            for (request, code) in [
                (Self.addPartitions, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED),
                (Self.addOffsets, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED),
                (Self.commitOffsets, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED),
                (MockCluster.produceRequest, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED),
            ] {
                cluster.fail(requests: request, with: [code])
                let error = await refusal(consumer, batch)
                #expect(Self.isFailed(error), "request \(request): \(String(describing: error))")
            }
            try await consumer.commit([batch])
        }
    }

    @Test func aCoordinatorThatMovesDelaysACommitOnly() async throws {
        try await withScorer { cluster, _, consumer in
            for request in [Self.addOffsets, Self.commitOffsets, Self.endTransaction] {
                cluster.fail(
                    requests: request,
                    with: [
                        RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
                    ])
            }
            try await consumer.commit([Self.batch(follows: nil, next: 5)])
        }
    }

    @Test func aScorerWhoseInstanceNameIsTakenNeverCommitsAgain() async throws {
        try await withScorer { cluster, kafka, consumer in
            try await consumer.commit([Self.batch(follows: nil, next: 5)])
            cluster.fail(requests: Self.endTransaction, with: [RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH])
            for _ in 0..<2 {
                let error = await refusal(consumer, Self.batch(follows: 5, next: 6))
                #expect(Self.isFenced(error), "\(String(describing: error))")
            }
            // The second attempt has sent nothing.
            let reader = try await kafka.outputs.reader(.scores, partition: 1, from: 0)
            var values: [String] = []
            while true {
                let records = try await reader.next(limit: 10, wait: .zero)
                if records.isEmpty { break }
                values += records.map { String(decoding: $0.value, as: UTF8.self) }
            }
            #expect(values == ["{\"next\":5}", "{\"next\":6}"])
        }
    }

    /// The member that joins in place of the one that the group has given up is assigned the same partitions, and
    /// commits.
    @Test func aMemberThatTheGroupHasGivenUpJoinsAnew() async throws {
        try await withScorer { cluster, _, consumer in
            let batch = Self.batch(follows: nil, next: 5)
            for code in [RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID] {
                cluster.fail(requests: Self.commitOffsets, with: [code])
                let error = await refusal(consumer, batch)
                guard case .mustRejoin = error else {
                    Issue.record("\(code): \(String(describing: error))")
                    return
                }
            }
            try await consumer.rejoin()
            let old = await refusal(consumer, batch)
            #expect(old.map { if case .partitionsLost = $0 { true } else { false } } == true)
            var assigned: [Int] = []
            while assigned.isEmpty {
                guard case .assigned(let partitions) = try await consumer.next(limit: 1) else { continue }
                assigned = partitions.map(\.partition)
                for partition in assigned { try await consumer.begin(partition: partition, at: 0) }
            }
            #expect(assigned == [0, 1])
            try await consumer.commit([batch])
        }
    }

    /// 101 appends of 1,000 while no broker takes anything: there is room for 100,000 records.
    @Test func aFullBufferRefusesAndWhatItTookIsDelivered() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics)
        var settings = cluster.settings()
        // The brokers stay away for as long as the machine takes to fill the buffer.
        settings.properties = ["message.timeout.ms": "120000", "reconnect.backoff.max.ms": "200"]
        let kafka = try await KafkaLog.open(settings, logger: MockCluster.logger)
        cluster.setDown()
        let records = (0..<1_000).map { NewRecord(key: "s:\($0)", value: Array("{}".utf8), identity: UInt64($0)) }
        let answers = await withTaskGroup(of: Result<Int, EventLogError>.self) { group in
            for _ in 0...100 {
                group.addTask {
                    do throws(EventLogError) {
                        return .success(try await kafka.log.append(records).count)
                    } catch {
                        return .failure(error)
                    }
                }
            }
            // Nothing can be delivered yet: the first answer is the one refusal.
            let first = await group.next()
            cluster.setUp()
            return await group.reduce(into: [first]) { $0.append($1) }
        }
        #expect(answers.first == .failure(.overloaded(retryAfter_s: 1)))
        #expect(answers.dropFirst().allSatisfy { $0 == .success(1_000) })
        var stored: Int64 = 0
        for partition in 0..<2 { stored += try await kafka.log.bounds(partition: partition).upperBound }
        #expect(stored == 100_000)
        await kafka.close()
    }
}
