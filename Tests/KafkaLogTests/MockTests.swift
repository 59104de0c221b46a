import CRDKafka
import EventLog
import Events
import KafkaLog
import KafkaRig
import LogContract
import Testing

/// What librdkafka's mock cluster can bear witness to: delivery, order, reading, refusals. Nothing about transactions.
struct MockTests {
    private static func fixture() async throws -> LogFixture {
        try await fixture(MockCluster(topics: MockCluster.shopTopics))
    }

    private static func fixture(_ cluster: MockCluster) async throws -> LogFixture {
        let kafka = try await KafkaLog.open(cluster.settings(), logger: MockCluster.logger)
        return LogFixture(
            log: kafka.log, outputs: kafka.outputs, makeConsumer: { try kafka.makeConsumer() },
            restart: {
                await kafka.close()
                return try await fixture(cluster)
            },
            maxWaitingRecords: 100_000, offsetsAreDense: true, duplicatesAreRecognised: false,
            close: {
                await kafka.close()
                withExtendedLifetime(cluster) {}
            })
    }

    /// Not among them: look-up by time, which the mock answers with "none", and whatever needs a replay's mark.
    static let trials = (LogContract.appending + LogContract.reading + LogContract.restarting).filter {
        !["the first offset of a time is found", "everything stored survives a restart"].contains($0.name)
    }

    @Test(arguments: trials)
    func keepsTheContract(_ trial: LogContract.Trial) async throws { try await trial.run(Self.fixture) }

    @Test func aBrokerThatMovesALeaderIsAskedAgain() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics)
        let kafka = try await KafkaLog.open(cluster.settings(), logger: MockCluster.logger)
        cluster.fail(
            requests: MockCluster.produceRequest,
            with: [RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION])
        let verdicts = try await kafka.log.append([NewRecord(key: "s:a", value: Array("{}".utf8), identity: 1)])
        let partition = Partitioner.partition(ofKey: "s:a", count: 2)
        #expect(verdicts == [.stored(Location(partition: partition, offset: 0))])
        await kafka.close()
    }

    @Test func aRecordThatTheBrokerRefusesIsNotAcknowledged() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics)
        let kafka = try await KafkaLog.open(cluster.settings(), logger: MockCluster.logger)
        cluster.fail(requests: MockCluster.produceRequest, with: [RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED])
        do throws(EventLogError) {
            _ = try await kafka.log.append([NewRecord(key: "s:a", value: Array("{}".utf8), identity: 1)])
            Issue.record("it was acknowledged")
        } catch {
            guard case .failed = error else {
                Issue.record("not a failure, but \(error)")
                return
            }
        }
        await kafka.close()
    }

    /// The log goes on with another producer after one that librdkafka has given up.
    @Test func aProducerThatIsGivenUpIsReplaced() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics)
        let kafka = try await KafkaLog.open(cluster.settings(), logger: MockCluster.logger)
        let records = (0..<2).map { NewRecord(key: "s:a", value: Array("{\"n\":\($0)}".utf8), identity: UInt64($0)) }
        cluster.fail(
            requests: MockCluster.produceRequest, with: [RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER])
        await #expect(throws: EventLogError.self) { try await kafka.log.append([records[0]]) }
        let partition = Partitioner.partition(ofKey: "s:a", count: 2)
        #expect(try await kafka.log.append([records[1]]) == [.stored(Location(partition: partition, offset: 0))])
        await kafka.close()
    }

    @Test func aMemberOfTheGroupReadsFromWhereItBegins() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics)
        let kafka = try await KafkaLog.open(cluster.settings(), logger: MockCluster.logger)
        let records = (0..<40).map { NewRecord(key: "s:\($0)", value: Array("{\"n\":\($0)}".utf8), identity: 1) }
        _ = try await kafka.log.append(records)
        let consumer = try kafka.makeConsumer()
        var seen: [Int: [Int64]] = [:]
        var wanted: [Int: Int64] = [:]
        while wanted.isEmpty || seen.values.reduce(0, { $0 + $1.count }) < Int(wanted.values.reduce(0, +)) {
            switch try await consumer.next(limit: 7) {
            case .assigned(let partitions):
                #expect(partitions.map(\.partition) == [0, 1])
                for partition in partitions {
                    #expect(partition.position == nil)
                    // The first record of each is passed over.
                    wanted[partition.partition] = partition.bounds.upperBound - 1
                    try await consumer.begin(partition: partition.partition, at: 1)
                }
            case .records(let partition, let records):
                #expect(records.count <= 7)
                seen[partition, default: []] += records.map(\.offset)
            case .idle, .revoked, .lost: continue
            }
        }
        for (partition, count) in wanted { #expect(seen[partition] == Array(1...count)) }
        await consumer.close()
        await kafka.close()
    }

    /// Two members, one partition: the one that is assigned nothing is told so, and takes over when the other leaves.
    @Test(.timeLimit(.minutes(2)))
    func aMemberThatGetsNothingStandsByAndTakesOver() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics, partitions: 1)
        var settings = cluster.settings()
        settings.properties = ["session.timeout.ms": "6000"]
        let first = try await KafkaLog.open(settings, logger: MockCluster.logger)
        settings.instance += "-other"
        let second = try await KafkaLog.open(settings, logger: MockCluster.logger)
        let members = [try first.makeConsumer(), try second.makeConsumer()]
        var held: [[Int]?] = [nil, nil]
        while !held.contains([]) || !held.contains([0]) {
            for index in members.indices { try await turn(members[index], &held[index]) }
        }
        let standby = held[0] == [] ? 0 : 1
        await members[1 - standby].close()
        while held[standby] != [0] { try await turn(members[standby], &held[standby]) }
        await members[standby].close()
        await first.close()
        await second.close()
    }

    /// - Parameter held: what the member was last assigned; `nil` before that.
    private func turn(_ member: any EventConsumer, _ held: inout [Int]?) async throws {
        switch try await member.next(limit: 1) {
        case .assigned(let partitions):
            held = partitions.map(\.partition)
            for partition in partitions { try await member.begin(partition: partition.partition, at: 0) }
        case .revoked(let partitions):
            held = nil
            try await member.release(partitions)
        case .lost: held = nil
        case .records, .idle: break
        }
    }

    /// A partition that has been read to its end is known to be, until more comes.
    @Test func aMemberKnowsThatItHasCaughtUp() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics)
        let kafka = try await KafkaLog.open(cluster.settings(), logger: MockCluster.logger)
        let consumer = try kafka.makeConsumer()
        _ = try await kafka.log.append([NewRecord(key: "s:a", value: Array("{}".utf8), identity: 1)])
        let partition = Partitioner.partition(ofKey: "s:a", count: 2)
        var held: [Int]?
        while held == nil {
            #expect(!consumer.isCaughtUp(partition))
            try await turn(consumer, &held)
        }
        while !consumer.isCaughtUp(partition) || !consumer.isCaughtUp(1 - partition) {
            try await turn(consumer, &held)
        }
        await consumer.close()
        await kafka.close()
    }

    /// The road of a transaction. The mock answers every step and keeps the records; whether they would be all or
    /// nothing only a real cluster can show.
    @Test func aCommitSendsOutputsAndOffsets() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics)
        let kafka = try await KafkaLog.open(cluster.settings(), logger: MockCluster.logger)
        let consumer = try kafka.makeConsumer()
        while true {
            guard case .assigned(let partitions) = try await consumer.next(limit: 10) else { continue }
            for partition in partitions { try await consumer.begin(partition: partition.partition, at: 0) }
            break
        }
        let score = OutputRecord(key: "s:a", value: Array("{\"score\":0.5}".utf8))
        let outcome = OutputRecord(key: "s:a", value: Array("{\"purchased\":true}".utf8))
        try await consumer.commit([
            ScoredBatch(
                partition: 1, follows: nil, next: 5, lowWaterOffset: 3, position: String(repeating: "p", count: 3_500),
                scores: [score, score], outcomes: [outcome])
        ])
        // Sent once, however often it is asked for; what does not follow is not sent.
        for (follows, next, isRefused) in [(Int64?.none, Int64(5), false), (4, 6, true)] {
            let again = ScoredBatch(
                partition: 1, follows: follows, next: next, lowWaterOffset: 3, position: "p", scores: [score],
                outcomes: [])
            do throws(EventLogError) {
                try await consumer.commit([again])
                #expect(!isRefused)
            } catch {
                guard case .mustRejoin = error, isRefused else {
                    Issue.record("\(error)")
                    continue
                }
            }
        }
        for (stream, expected) in [(OutputStream.scores, [score, score]), (.outcomes, [outcome])] {
            let reader = try await kafka.outputs.reader(stream, partition: 1, from: 0)
            #expect(try await reader.next(limit: 10, wait: .seconds(10)).map(\.value) == expected.map(\.value))
            #expect(try await reader.next(limit: 10, wait: .zero) == [])
        }
        await consumer.close()
        await kafka.close()
    }

    @Test func rowsOfAReplayAreNumbered() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics)
        let kafka = try await KafkaLog.open(cluster.settings(), logger: MockCluster.logger)
        func rows(_ numbers: ClosedRange<Int64>) -> [ReplayRow] {
            numbers.map { number in
                number % 5 == 0
                    ? ReplayRow(
                        number: number,
                        content: .rejected(
                            RejectedRecord(time: 0, source: "r", reason: "bad", line: Int(number), bytes: [1])))
                    : ReplayRow(
                        number: number,
                        content: .event(NewRecord(key: "s:\(number)", value: Array("{}".utf8), identity: 0)))
            }
        }
        let first = try await kafka.log.append(rows(1...10), ofReplay: "r")
        #expect(first == ReplayAppended(stored: 8, rejected: 2))
        let second = try await kafka.log.append(rows(6...12), ofReplay: "r")
        #expect(second == ReplayAppended(stored: 2, rejected: 0, duplicates: 5))
        await #expect(throws: EventLogError.replayGap(name: "r", expected: 13, got: 15)) {
            try await kafka.log.append(rows(15...16), ofReplay: "r")
        }
        try await kafka.log.endReplay("r")
        try await kafka.log.endReplay("r")
        #expect(try await kafka.log.rejected(from: 0, limit: 10).map(\.line) == [5, 10])
        await kafka.close()
    }

    /// A reader that has come to the end sees at once what is stored later, without being told to wait.
    @Test func whatIsStoredIsThereForAReaderAtTheEnd() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics)
        let kafka = try await KafkaLog.open(cluster.settings(), logger: MockCluster.logger)
        let reader = try await kafka.log.reader(
            partition: Partitioner.partition(ofKey: "s:a", count: 2), from: 0)
        for number in 0..<20 {
            #expect(try await reader.next(limit: 10, wait: .zero) == [])
            let value = Array("{\"n\":\(number)}".utf8)
            _ = try await kafka.log.append([NewRecord(key: "s:a", value: value, identity: UInt64(number))])
            #expect(try await reader.next(limit: 10, wait: .zero).map(\.value) == [value])
        }
        await kafka.close()
    }

    @Test func aWaitingReaderEndsWhenItsTaskIsCancelled() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics)
        let kafka = try await KafkaLog.open(cluster.settings(), logger: MockCluster.logger)
        let reader = try await kafka.log.reader(partition: 0, from: 0)
        let waiting = Task { try await reader.next(limit: 1, wait: .seconds(3_600)) }
        waiting.cancel()
        #expect(try await waiting.value == [])
        await kafka.close()
    }

    /// What cannot be delivered is answered all the same when the log closes.
    @Test func closingAnswersWhatTheBrokersDoNotTake() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics)
        let kafka = try await KafkaLog.open(cluster.settings(), logger: MockCluster.logger)
        cluster.setDown()
        let append = Task { try await kafka.log.append([NewRecord(key: "s:a", value: Array("{}".utf8), identity: 1)]) }
        await kafka.close()
        await #expect(throws: EventLogError.self) { try await append.value }
        await #expect(throws: EventLogError.closed) { try await kafka.log.endReplay("r") }
    }

    @Test func aPropertyThatAPromiseDependsOnIsRefused() async throws {
        var settings = MockCluster().settings()
        settings.properties = ["acks": "1"]
        #expect(await refusal(settings).contains("kafka.properties.acks"))
    }

    /// Why a log cannot be opened.
    private func refusal(_ settings: KafkaSettings) async -> String {
        do throws(EventLogError) {
            let kafka = try await KafkaLog.open(settings, logger: MockCluster.logger)
            await kafka.close()
            return "none"
        } catch {
            return error.description
        }
    }

    @Test func aMissingTopicIsNamedAndNotMade() async throws {
        let cluster = MockCluster(topics: ["shop.events"])
        for _ in 0..<2 { #expect(await refusal(cluster.settings()).contains("shop.rejected")) }
    }

    @Test func anAddressWithoutABrokerIsNamed() async throws {
        var settings = MockCluster().settings()
        settings.brokers = "127.0.0.1:1"
        #expect(await refusal(settings).contains("127.0.0.1:1"))
    }

    @Test func aWrongPropertyIsNamedWithoutItsValue() async throws {
        var settings = MockCluster().settings()
        settings.properties = ["sasl.mechanism.nonsense": "a secret"]
        let reason = await refusal(settings)
        #expect(reason.contains("sasl.mechanism.nonsense"))
        #expect(!reason.contains("a secret"))
    }
}
