import CRDKafka
import EventLog
import KafkaLog
import Testing

/// What only a real cluster can show: fencing, readers that see committed records alone, partitions that change hands.
@Suite(.enabled(if: ClusterTests.brokers != nil, "set DINGHY_TEST_KAFKA=host:port"))
struct ClusterTransactionTests {
    private static let patience = Duration.seconds(60)

    private func withShop(_ body: (KafkaSettings) async throws -> Void) async throws {
        let (settings, topics) = try await ClusterTests.shop()
        defer { Administration.delete(topics, brokers: settings.brokers) }
        try await body(settings)
    }

    private static func rows(_ numbers: ClosedRange<Int64>) -> [ReplayRow] {
        numbers.map { number in
            ReplayRow(
                number: number,
                content: .event(NewRecord(key: "s:a", value: Array("{\"n\":\(number)}".utf8), identity: 0)))
        }
    }

    /// first:  1…3 ──────────────── 4…6 fenced ── 4…6 duplicates
    /// second:      1…6: 3 new ─┘
    @Test func aSecondProcessWithTheSameReplayFencesTheFirst() async throws {
        try await withShop { settings in
            let first = try await ClusterTests.open(settings)
            let second = try await ClusterTests.open(settings)
            #expect(try await first.log.append(Self.rows(1...3), ofReplay: "june") == ReplayAppended(stored: 3))
            let appended = try await second.log.append(Self.rows(1...6), ofReplay: "june")
            #expect(appended == ReplayAppended(stored: 3, duplicates: 3))
            do throws(EventLogError) {
                _ = try await first.log.append(Self.rows(4...6), ofReplay: "june")
                Issue.record("the first process was not fenced")
            } catch {
                guard case .fenced = error else {
                    Issue.record("expected .fenced, got \(error)")
                    return
                }
            }
            let again = try await first.log.append(Self.rows(4...6), ofReplay: "june")
            #expect(again == ReplayAppended(duplicates: 3))
            #expect(try await first.log.replayMark("june") == ReplayMark(lastRow: 6, ended: false))
            let reader = try await second.log.reader(
                partition: Partitioner.partition(ofKey: "s:a", count: 2), from: 0)
            var values: [String] = []
            while true {
                let records = try await reader.next(limit: 4, wait: .zero)
                if records.isEmpty { break }
                values += records.map { String(decoding: $0.value, as: UTF8.self) }
            }
            #expect(values == (1...6).map { "{\"n\":\($0)}" })
            await first.close()
            await second.close()
        }
    }

    @Test func whatIsNotCommittedIsNotRead() async throws {
        try await withShop { settings in
            let kafka = try await ClusterTests.open(settings)
            let foreign = try ForeignTransactions(brokers: settings.brokers, id: "\(settings.topicPrefix)-foreign")
            let topic = settings.name(of: .scores)
            let reader = try await kafka.outputs.reader(.scores, partition: 0, from: 0)

            try foreign.begin()
            try foreign.send("open", to: topic)
            #expect(try await reader.next(limit: 10, wait: .zero) == [])
            #expect(try await kafka.outputs.bounds(.scores, partition: 0).isEmpty)
            try foreign.abort()
            #expect(try await reader.next(limit: 10, wait: .zero) == [])

            try foreign.begin()
            try foreign.send("committed", to: topic)
            try foreign.commit()
            let records = try await reader.next(limit: 10, wait: Self.patience)
            #expect(records.map { String(decoding: $0.value, as: UTF8.self) } == ["committed"])
            // The aborted record and the end of its transaction stand before it.
            #expect(records.first?.offset == 2)
            #expect(try await reader.next(limit: 10, wait: .zero) == [])
            await kafka.close()
        }
    }

    /// Two members: the first gives one of its two partitions back after its last commit, and the second continues
    /// from there.
    @Test func aPartitionChangesHandsWithItsPosition() async throws {
        try await withShop { settings in
            let first = try await ClusterTests.open(settings)
            var other = settings
            other.instance += "-other"
            let second = try await ClusterTests.open(other)
            for number in 0..<20 {
                let record = NewRecord(key: "s:\(number)", value: Array("{}".utf8), identity: 0)
                _ = try await first.log.append([record])
            }
            let one = try first.makeConsumer()
            let two = try second.makeConsumer()
            // Both are polled in turn, as two processes would; each commits what it reads.
            var members = [Member(consumer: one), Member(consumer: two)]
            let deadline = ContinuousClock.now + Self.patience
            while ContinuousClock.now < deadline,
                members.contains(where: { $0.held.count != 1 }) || members.reduce(0, { $0 + $1.records }) < 20
            {
                for index in members.indices { try await members[index].turn() }
            }
            #expect(members.map(\.held.count) == [1, 1])
            #expect(members.reduce(0) { $0 + $1.records } == 20)
            var scored = 0
            for partition in 0..<2 {
                let reader = try await first.outputs.reader(.scores, partition: partition, from: 0)
                while true {
                    let records = try await reader.next(limit: 100, wait: .zero)
                    if records.isEmpty { break }
                    scored += records.count
                }
            }
            #expect(scored == 20)
            await one.close()
            await two.close()
            await first.close()
            await second.close()
        }
    }

    /// A scorer that makes one score of each record.
    private struct Member {
        let consumer: any EventConsumer
        /// The committed `next` of each partition.
        var held: [Int: Int64?] = [:]
        var records = 0

        mutating func turn() async throws {
            switch try await consumer.next(limit: 3) {
            case .assigned(let partitions):
                for partition in partitions {
                    let next = partition.position.flatMap { Int64($0) }
                    held[partition.partition] = .some(next)
                    try await consumer.begin(partition: partition.partition, at: next ?? partition.bounds.lowerBound)
                }
            case .records(let partition, let new):
                let next = new[new.count - 1].offset + 1
                try await consumer.commit([
                    ScoredBatch(
                        partition: partition, follows: held[partition] ?? nil, next: next, lowWaterOffset: next,
                        position: String(next),
                        scores: new.map { OutputRecord(key: "s:k", value: Array("\($0.offset)".utf8)) }, outcomes: [])
                ])
                held[partition] = .some(next)
                records += new.count
            case .idle: break
            case .revoked(let partitions):
                for partition in partitions { held[partition] = nil }
                try await consumer.release(partitions)
            case .lost(let partitions):
                for partition in partitions { held[partition] = nil }
            }
        }
    }
}

/// Another program's transactions, to stand in the way of ours.
final class ForeignTransactions {
    private let client: OpaquePointer
    private struct Failure: Error { var code: rd_kafka_resp_err_t }

    init(brokers: String, id: String) throws {
        let configuration = rd_kafka_conf_new()
        var message = [CChar](repeating: 0, count: 512)
        for (name, value) in [("bootstrap.servers", brokers), ("transactional.id", id)] {
            rd_kafka_conf_set(configuration, name, value, &message, message.count)
        }
        client = try #require(rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &message, message.count))
        try Self.check(rd_kafka_init_transactions(client, 30_000))
    }

    deinit { rd_kafka_destroy(client) }

    func begin() throws { try Self.check(rd_kafka_begin_transaction(client)) }
    func abort() throws { try Self.check(rd_kafka_abort_transaction(client, 30_000)) }
    func commit() throws { try Self.check(rd_kafka_commit_transaction(client, 30_000)) }

    /// Sends to partition 0 and waits until the broker has it.
    func send(_ text: String, to topic: String) throws {
        let handle = rd_kafka_topic_new(client, topic, nil)
        defer { rd_kafka_topic_destroy(handle) }
        var bytes = Array(text.utf8)
        #expect(rd_kafka_produce(handle, 0, RD_KAFKA_MSG_F_COPY, &bytes, bytes.count, nil, 0, nil) == 0)
        #expect(rd_kafka_flush(client, 30_000) == RD_KAFKA_RESP_ERR_NO_ERROR)
    }

    private static func check(_ error: OpaquePointer?) throws {
        guard let error else { return }
        defer { rd_kafka_error_destroy(error) }
        throw Failure(code: rd_kafka_error_code(error))
    }
}
