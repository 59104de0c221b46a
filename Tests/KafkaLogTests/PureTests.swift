import EventLog
import KafkaLog
import Testing

struct PureTests {
    private static let settings = KafkaSettings(
        brokers: "a:9092", topicPrefix: "shop", group: "g", instance: "scorer-1", properties: [:])

    /// Vectors of `org.apache.kafka.common.utils.UtilsTest.testMurmur2`.
    @Test(
        arguments: [
            ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
        ] as [(String, Int32)])
    func aKeyHashesAsInJava(_ key: String, _ expected: Int32) {
        #expect(Int32(bitPattern: Partitioner.murmur2(Array(key.utf8))) == expected)
    }

    @Test func producersAreIdempotentAndWaitForAllReplicas() {
        let properties = Self.settings.producer
        #expect(properties["acks"] == "all")
        #expect(properties["enable.idempotence"] == "true")
        #expect(properties["message.timeout.ms"] == "5000")
        #expect(Self.settings.transactional(id: "x")["transactional.id"] == "x")
        #expect(Self.settings.member["partition.assignment.strategy"] == "range,roundrobin")
        #expect(Self.settings.member["isolation.level"] == "read_committed")
        #expect(Self.settings.member["enable.auto.commit"] == "false")
        #expect(Self.settings.base["allow.auto.create.topics"] == "false")
    }

    @Test func anAssignmentIsReadOnceAllOffsetsAreKnown() {
        var machine = AssignmentMachine()
        #expect(machine.assign([1, 0]) == .announce([0, 1]))
        #expect(machine.begin(1, at: 7) == .nothing)
        #expect(machine.begin(0, at: 3) == .read([0: 3, 1: 7]))
        #expect(machine.state == .owning([0, 1]))
    }

    @Test func anOrderlyRevocationWaitsForTheLastCommit() {
        var machine = AssignmentMachine()
        _ = machine.assign([0])
        _ = machine.begin(0, at: 0)
        #expect(machine.revoke(lost: false) == .askBack([0]))
        #expect(machine.state == .leaving([0]))
        #expect(machine.release() == .giveBack)
        #expect(machine.release() == .nothing)
        #expect(machine.assign([2]) == .announce([2]))
    }

    @Test func whatIsLostIsDropped() {
        var machine = AssignmentMachine()
        _ = machine.assign([0, 1])
        _ = machine.begin(0, at: 0)
        #expect(machine.revoke(lost: false) == .drop([0, 1]))
        _ = machine.assign([3])
        _ = machine.begin(3, at: 0)
        #expect(machine.revoke(lost: true) == .drop([3]))
        #expect(machine.state == .none)
    }

    @Test func aMemberWithoutPartitionsHasNothingToSay() {
        var machine = AssignmentMachine()
        #expect(machine.assign([]) == .read([:]))
        // Its group does not take nothing away before it gives something.
        #expect(machine.assign([2]) == .announce([2]))
        _ = machine.begin(2, at: 0)
        _ = machine.revoke(lost: true)
        _ = machine.assign([])
        #expect(machine.revoke(lost: false) == .giveBack)
    }

    @Test func rejectedInputIsReadableJSON() throws {
        let record = RejectedRecord(time: 5, source: "collect", reason: "sku: too long", line: 3, bytes: [0, 255, 34])
        let bytes = RejectedRecordCoder.encode(record)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"bytes":"AP8i","line":3,"reason":"sku: too long","source":"collect","time":5}"#)
        #expect(try RejectedRecordCoder.decode(StoredRecord(offset: 0, time: 0, value: bytes)) == record)
        #expect(throws: EventLogError.self) {
            try RejectedRecordCoder.decode(StoredRecord(offset: 9, time: 0, value: [1]))
        }
    }

    private static func batch(_ partition: Int, follows: Int64?, next: Int64) -> ScoredBatch {
        ScoredBatch(
            partition: partition, follows: follows, next: next, lowWaterOffset: 0, position: "p", scores: [],
            outcomes: [])
    }

    @Test func aBatchIsSentOnceAndOnlyWhereItFollows() throws {
        var ledger = CommitLedger()
        ledger.hold(0, committed: nil)
        ledger.hold(1, committed: 7)
        let batches = [Self.batch(0, follows: nil, next: 5), Self.batch(1, follows: 7, next: 9)]
        #expect(try ledger.pending(batches) == batches)
        ledger.committed([batches[0]])
        #expect(try ledger.pending(batches) == [batches[1]])
        ledger.committed([batches[1]])
        #expect(try ledger.pending(batches) == [])
        let follower = Self.batch(0, follows: 5, next: 8)
        for stray in [Self.batch(0, follows: nil, next: 6), Self.batch(1, follows: 7, next: 10)] {
            let error = #expect(throws: EventLogError.self) { try ledger.pending([follower, stray]) }
            guard case .mustRejoin = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
        let error = #expect(throws: EventLogError.self) {
            try ledger.pending([follower, Self.batch(2, follows: nil, next: 1)])
        }
        guard case .partitionsLost = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func afterALostAnswerTheBrokersDecide() throws {
        let batch = Self.batch(0, follows: 3, next: 5)
        for (committed, expected) in [(Int64?(3), [batch]), (5, [])] {
            var ledger = CommitLedger()
            ledger.hold(0, committed: 3)
            ledger.refresh(0, committed: committed)
            #expect(try ledger.pending([batch]) == expected)
        }
        for committed in [Int64?.none, 4, 6] {
            var ledger = CommitLedger()
            ledger.hold(0, committed: 3)
            ledger.refresh(0, committed: committed)
            #expect(throws: EventLogError.self) { try ledger.pending([batch]) }
        }
    }

    @Test func aPartitionThatIsNotHeldIsNotCommitted() {
        var ledger = CommitLedger()
        ledger.hold(0, committed: 3)
        ledger.release()
        ledger.refresh(0, committed: 3)
        #expect(throws: EventLogError.self) { try ledger.pending([Self.batch(0, follows: 3, next: 5)]) }
    }

    private enum Meaning { case again, rejoin, replaced, denied }

    /// librdkafka's numbers: 22 is ILLEGAL_GENERATION, 25 UNKNOWN_MEMBER_ID, 27 REBALANCE_IN_PROGRESS, 82
    /// FENCED_INSTANCE_ID, -185 a time-out, 29 TOPIC_AUTHORIZATION_FAILED, 47 INVALID_PRODUCER_EPOCH, 90
    /// PRODUCER_FENCED, -144 _FENCED, 45 OUT_OF_ORDER_SEQUENCE_NUMBER, 53 TRANSACTIONAL_ID_AUTHORIZATION_FAILED.
    @Test func aFailedTransactionHasOneMeaning() {
        let cases: [(code: Int32, isFatal: Bool, age_s: Int, meaning: Meaning)] = [
            (22, false, 0, .rejoin), (25, false, 0, .rejoin), (27, false, 0, .rejoin), (82, false, 0, .replaced),
            (-185, false, 0, .again), (29, false, 0, .again), (7, false, 60, .again),
            (47, true, 9, .replaced), (90, true, 0, .replaced), (-144, true, 9, .replaced),
            // Brokers end a transaction that is older than ten seconds: nobody else need have had a hand in it.
            (47, true, 10, .rejoin), (-144, true, 11, .rejoin),
            (45, true, 0, .rejoin), (53, true, 0, .denied),
        ]
        for (code, isFatal, age, expected) in cases {
            let error = TransactionFailure.error(code: code, isFatal: isFatal, age: .seconds(age), "why")
            let meaning: Meaning? =
                switch error {
                case .failed: .again
                case .mustRejoin: .rejoin
                case .fenced: .replaced
                case .unusable: .denied
                default: nil
                }
            #expect(meaning == expected, "code \(code), fatal \(isFatal), \(age) s")
            #expect(error.description.hasPrefix("why"))
        }
    }

    /// -195 is _TRANSPORT, -147 _MAX_POLL_EXCEEDED, 14 COORDINATOR_LOAD_IN_PROGRESS, 3 UNKNOWN_TOPIC_OR_PART, 30
    /// GROUP_AUTHORIZATION_FAILED, -150 _FATAL.
    @Test(
        arguments: [
            (-195, 0, .passing), (-147, 0, .passing), (14, 0, .passing), (3, 0, .complaint), (-169, 0, .complaint),
            (29, 0, .denied), (30, 0, .denied), (82, 0, .replaced), (-150, 82, .replaced), (-150, 45, .dead),
            (-195, 45, .dead),
        ] as [(Int32, Int32, MemberFailure)])
    func whatAMemberReportsHasOneMeaning(_ code: Int32, _ fatal: Int32, _ expected: MemberFailure) {
        #expect(MemberFailure.of(code: code, fatal: fatal) == expected)
    }

    @Test func whatPromisesDependOnCannotBeConfigured() throws {
        for name in ["acks", "enable.idempotence", "isolation.level", "transactional.id", "transaction.timeout.ms"] {
            let error = #expect(throws: EventLogError.self) { try OwnProperties.check([name: "hidden value"]) }
            #expect(error?.description.contains(name) == true)
            #expect(error?.description.contains("hidden value") == false)
        }
        try OwnProperties.check(["compression.codec": "lz4", "sasl.password": "x", "session.timeout.ms": "6000"])
    }

    @Test func aTransactionsRecordsNeverWaitLongerThanTheirTransaction() {
        let configured = ["delivery.timeout.ms": "60000", "linger.ms": "1"]
        let live = OwnProperties.merge(Self.settings.producer, configured)
        #expect(live["message.timeout.ms"] == "60000")
        #expect(live["linger.ms"] == "1")
        let transactional = OwnProperties.merge(Self.settings.transactional(id: "x"), configured)
        #expect(transactional["message.timeout.ms"] == "9000")
        #expect(OwnProperties.merge(Self.settings.member, configured)["message.timeout.ms"] == nil)
    }

    @Test func shopsOnOneClusterDoNotFenceEachOther() {
        var other = Self.settings
        other.topicPrefix = "other"
        #expect(Self.settings.scorerTransactionalID == "shop-score-scorer-1")
        #expect(other.scorerTransactionalID != Self.settings.scorerTransactionalID)
    }
}
