import EventLog
import Foundation
import KafkaLog
import Testing

/// What only a real group and real transactions can show of scorers that lose their place and find another. Every wait
/// ends at a limit and says what it waited for.
@Suite(.enabled(if: ClusterTests.brokers != nil, "set DINGHY_TEST_KAFKA=host:port"))
struct ClusterMemberTests {
    private static let patience = Duration.seconds(90)

    private func withShop(_ body: (KafkaSettings) async throws -> Void) async throws {
        let (settings, topics) = try await ClusterTests.shop()
        defer { Administration.delete(topics, brokers: settings.brokers) }
        try await body(settings)
    }

    /// A scorer that makes one score of each record: what `Scoring` does with its consumer, without the model.
    private struct Member {
        let kafka: KafkaLog
        let consumer: any EventConsumer
        /// The committed `next` of each partition that is held; `nil` before the first assignment.
        var held: [Int: Int64?]?
        var errors: [EventLogError] = []

        /// - Parameter session_ms: after which silence the group gives it up; as short as a broker's default limits
        ///   allow, so that a pause need not be long.
        init(_ settings: KafkaSettings, name: String, session_ms: Int = 6_000) async throws {
            var settings = settings
            settings.instance += name
            settings.properties = [
                "session.timeout.ms": "\(session_ms)", "max.poll.interval.ms": "\(session_ms + 1_000)",
            ]
            kafka = try await ClusterTests.open(settings)
            consumer = try kafka.makeConsumer()
        }

        mutating func turn() async throws {
            do throws(EventLogError) {
                try await follow()
            } catch {
                errors.append(error)
                held = nil
                switch error {
                case .partitionsLost, .failed: break
                case .mustRejoin: try await consumer.rejoin()
                default: throw error
                }
            }
        }

        private mutating func follow() async throws(EventLogError) {
            switch try await consumer.next(limit: 3) {
            case .assigned(let partitions):
                held = [:]
                for partition in partitions {
                    let next = partition.position.flatMap { Int64($0) }
                    held?[partition.partition] = .some(next)
                    try await consumer.begin(partition: partition.partition, at: next ?? partition.bounds.lowerBound)
                }
            case .records(let partition, let records):
                guard let follows = held?[partition] else { return }
                try await consumer.commit([batch(partition, follows: follows, records)])
                held?[partition] = .some(records[records.count - 1].offset + 1)
            case .revoked(let partitions):
                held = nil
                try await consumer.release(partitions)
            case .lost: held = nil
            case .idle: break
            }
        }

        func batch(_ partition: Int, follows: Int64?, _ records: [StoredRecord]) -> ScoredBatch {
            let next = records[records.count - 1].offset + 1
            return ScoredBatch(
                partition: partition, follows: follows, next: next, lowWaterOffset: next, position: String(next),
                scores: records.map { OutputRecord(key: "s:k", value: Array("\($0.offset)".utf8)) }, outcomes: [])
        }

        func close() async {
            await consumer.close()
            await kafka.close()
        }
    }

    /// Turns all members, one after the other, until a condition holds.
    private func turn(
        _ members: inout [Member], until what: String, _ condition: ([Member]) async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + Self.patience
        while try await !condition(members) {
            guard ContinuousClock.now < deadline else {
                struct Waited: Error, CustomStringConvertible { var description: String }
                throw Waited(
                    description: "not within \(Self.patience): \(what); members hold "
                        + "\(members.map { String(describing: $0.held) }), errors \(members.flatMap(\.errors))")
            }
            for index in members.indices { try await members[index].turn() }
        }
    }

    private func append(_ numbers: Range<Int>, to kafka: KafkaLog) async throws {
        for number in numbers {
            let record = NewRecord(key: "s:\(number)", value: Array("{}".utf8), identity: UInt64(number))
            _ = try await kafka.log.append([record])
        }
    }

    /// The offsets scored of each partition, in the order of the scores.
    private func scored(_ kafka: KafkaLog) async throws -> [[Int64]] {
        var all: [[Int64]] = []
        for partition in 0..<2 {
            let reader = try await kafka.outputs.reader(.scores, partition: partition, from: 0)
            var offsets: [Int64] = []
            while case let records = try await reader.next(limit: 100, wait: .zero), !records.isEmpty {
                offsets += records.compactMap { Int64(String(decoding: $0.value, as: UTF8.self)) }
            }
            all.append(offsets)
        }
        return all
    }

    /// Every record of both partitions once, in order.
    private func expectEachOnce(_ count: Int, _ kafka: KafkaLog) async throws {
        let scored = try await scored(kafka)
        #expect(scored.reduce(0) { $0 + $1.count } == count)
        for offsets in scored { #expect(offsets == Array(0..<Int64(offsets.count))) }
    }

    /// A leaves in order, B takes over, A comes back under its name: each record is scored once. The session of the one
    /// that left would run out long after the test has given up: that it leaves at once is what B waits for.
    @Test func membersThatComeAndGoScoreEachRecordOnce() async throws {
        try await withShop { settings in
            var members: [Member] = []
            for name in ["-a", "-b"] {
                members.append(try await Member(settings, name: name, session_ms: 300_000))
            }
            let kafka = members[0].kafka
            try await append(0..<20, to: kafka)
            try await turn(&members, until: "each member holds one partition") {
                $0.allSatisfy { $0.held?.count == 1 }
            }
            await members[0].consumer.close()
            members.removeFirst()
            try await append(20..<40, to: kafka)
            try await turn(&members, until: "the other member takes over") { $0[0].held?.count == 2 }
            members.append(try await Member(settings, name: "-a", session_ms: 300_000))
            try await turn(&members, until: "it comes back") { $0.allSatisfy { $0.held?.count == 1 } }
            try await turn(&members, until: "everything is scored") { _ in
                try await scored(kafka).reduce(0) { $0 + $1.count } == 40
            }
            try await expectEachOnce(40, kafka)
            for member in members { await member.close() }
            await kafka.close()
        }
    }

    /// A member that was stopped for longer than the group waits comes back with outputs of its own: they are refused,
    /// and it goes on with what it gets.
    ///
    ///     A: holds both, reads ── does nothing for a while ────── commits: refused ── joins again
    ///     B:                        takes over, scores everything ────────────────── shares with A
    @Test func aMemberThatSleptTooLongCannotCommitAndComesBack() async throws {
        try await withShop { settings in
            var sleeper = [try await Member(settings, name: "-a")]
            let kafka = sleeper[0].kafka
            try await turn(&sleeper, until: "the first member holds both partitions") { $0[0].held?.count == 2 }
            try await append(0..<20, to: kafka)
            var stale: [ScoredBatch] = []
            let deadline = ContinuousClock.now + Self.patience
            while stale.isEmpty, ContinuousClock.now < deadline {
                if case .records(let partition, let records) = try await sleeper[0].consumer.next(limit: 3) {
                    stale = [sleeper[0].batch(partition, follows: nil, records)]
                }
            }
            #expect(!stale.isEmpty, "no records came")
            // Nobody turns the first one meanwhile.
            var others = [try await Member(settings, name: "-b")]
            try await turn(&others, until: "the second member holds both and has scored everything") { others in
                guard others[0].held?.count == 2 else { return false }
                return try await scored(kafka).reduce(0) { $0 + $1.count } == 20
            }
            do throws(EventLogError) {
                try await sleeper[0].consumer.commit(stale)
                Issue.record("outputs of a member that lost its partitions were committed")
            } catch {
                switch error {
                case .partitionsLost: break
                case .mustRejoin: try await sleeper[0].consumer.rejoin()
                default: Issue.record("expected .partitionsLost or .mustRejoin, got \(error)")
                }
            }
            sleeper[0].held = nil
            var members = sleeper + others
            try await turn(&members, until: "both members hold one partition") {
                $0.allSatisfy { $0.held?.count == 1 }
            }
            try await append(20..<30, to: kafka)
            try await turn(&members, until: "everything is scored") { _ in
                try await scored(kafka).reduce(0) { $0 + $1.count } == 30
            }
            try await expectEachOnce(30, kafka)
            for member in members { await member.close() }
        }
    }

    /// Two processes by one name: the younger one scores, the older one is told so and never commits again.
    @Test func ofTwoScorersWithOneNameTheOlderOneEnds() async throws {
        try await withShop { settings in
            var older = [try await Member(settings, name: "-a")]
            let kafka = older[0].kafka
            try await append(0..<20, to: kafka)
            try await turn(&older, until: "the older one scores") { _ in
                try await scored(kafka).reduce(0) { $0 + $1.count } == 20
            }
            var both = older + [try await Member(settings, name: "-a")]
            var fenced: EventLogError?
            do {
                try await turn(&both, until: "both hold a partition") { $0.allSatisfy { $0.held?.count == 1 } }
                // Each commits what it gets: the older one first finds out that its name is taken.
                try await append(20..<60, to: kafka)
                try await turn(&both, until: "the older one is fenced") { _ in false }
            } catch let error as EventLogError {
                fenced = error
            }
            guard case .fenced(let reason) = fenced else {
                Issue.record("expected .fenced, got \(String(describing: fenced))")
                return
            }
            #expect(reason.contains("kafka.instance"))
            await both[0].close()
            both.removeFirst()
            try await turn(&both, until: "the younger one scores everything") { _ in
                try await scored(kafka).reduce(0) { $0 + $1.count } == 60
            }
            try await expectEachOnce(60, kafka)
            await both[0].close()
        }
    }

    /// Three members of two partitions: the third is told that it gets nothing, and takes over when another leaves.
    @Test func aMemberWithoutAPartitionStandsBy() async throws {
        try await withShop { settings in
            var members: [Member] = []
            for name in ["-a", "-b", "-c"] { members.append(try await Member(settings, name: name)) }
            try await turn(&members, until: "two members hold a partition each, one holds none") {
                $0.compactMap { $0.held?.count }.sorted() == [0, 1, 1]
            }
            let leaver = try #require(members.firstIndex { $0.held?.count == 1 })
            await members[leaver].close()
            members.remove(at: leaver)
            try await turn(&members, until: "the one that stood by takes over") {
                $0.allSatisfy { $0.held?.count == 1 }
            }
            for member in members { await member.close() }
        }
    }
}
