import EventLog
import Testing

/// Trials of the consumer: what it gives, and that outputs and position are committed as one.
extension LogContract {
    /// Pulls until partitions are assigned. Nothing else may come before.
    static func assignment(of consumer: any EventConsumer) async throws -> [AssignedPartition] {
        let deadline = ContinuousClock.now + patience
        while ContinuousClock.now < deadline {
            switch try await consumer.next(limit: 100) {
            case .assigned(let partitions): return partitions.sorted { $0.partition < $1.partition }
            case .idle: continue
            case let other: throw Unexpected(what: "\(other) before an assignment")
            }
        }
        throw Unexpected(what: "no assignment within \(patience)")
    }

    /// Pulls until `count` records of a partition have come; no other partition may bring any.
    private static func pull(
        _ count: Int, partition: Int, from consumer: any EventConsumer, limit: Int = 4
    ) async throws -> [StoredRecord] {
        let deadline = ContinuousClock.now + patience
        var all: [StoredRecord] = []
        while all.count < count, ContinuousClock.now < deadline {
            switch try await consumer.next(limit: limit) {
            case .records(partition, let records):
                #expect((1...limit).contains(records.count))
                all += records
            case .idle: continue
            case let other: throw Unexpected(what: "\(other) while records of partition \(partition) are read")
            }
        }
        #expect(all.count == count)
        return all
    }

    static func output(_ text: String) -> OutputRecord { OutputRecord(key: "s:k", value: Array(text.utf8)) }

    static func batch(
        _ partition: Int, follows: Int64?, next: Int64, scores: [String] = [], outcomes: [String] = [],
        position: String? = nil
    ) -> ScoredBatch {
        ScoredBatch(
            partition: partition, follows: follows, next: next, lowWaterOffset: 0,
            position: position ?? #"{"next":\#(next)}"#, scores: scores.map(output), outcomes: outcomes.map(output))
    }

    static func theAssignmentComesFirst(_ fixture: LogFixture) async throws {
        let locations = try await store([record(1, key: key(for: 1, of: fixture.log))], in: fixture.log)
        let consumer = try await fixture.makeConsumer()
        let assigned = try await assignment(of: consumer)
        #expect(assigned.map(\.partition) == Array(0..<fixture.log.partitionCount))
        #expect(assigned.allSatisfy { $0.position == nil })
        #expect(assigned[0].bounds.isEmpty)
        #expect(assigned[1].bounds.contains(locations[0].offset))
        // Nothing is read before it is said from where.
        #expect(try await consumer.next(limit: 10) == .idle)
        await consumer.close()
    }

    static func recordsComeFromWhereReadingBegan(_ fixture: LogFixture) async throws {
        let key = key(for: 1, of: fixture.log)
        let sent = (0..<10).map { record($0, key: key) }
        let locations = try await store(sent, in: fixture.log)
        let consumer = try await fixture.makeConsumer()
        for partition in try await assignment(of: consumer) {
            let start = partition.partition == 1 ? locations[3].offset : partition.bounds.lowerBound
            try await consumer.begin(partition: partition.partition, at: start)
        }
        let got = try await pull(7, partition: 1, from: consumer)
        #expect(got.map(\.value) == sent[3...].map(\.value))
        expectOrder(got, fixture)
        let later = record(100, key: key)
        try await store([later], in: fixture.log)
        #expect(try await pull(1, partition: 1, from: consumer).map(\.value) == [later.value])
        await consumer.close()
    }

    /// A consumer with every partition begun at its start, and the offsets of `count` records on partition 0.
    private static func begun(_ fixture: LogFixture, count: Int) async throws -> (any EventConsumer, [Int64]) {
        let key = key(for: 0, of: fixture.log)
        try await store((0..<count).map { record($0, key: key) }, in: fixture.log)
        let consumer = try await fixture.makeConsumer()
        for partition in try await assignment(of: consumer) {
            try await consumer.begin(partition: partition.partition, at: partition.bounds.lowerBound)
        }
        return (consumer, try await pull(count, partition: 0, from: consumer).map(\.offset))
    }

    static func outputsAreReadableAfterTheirCommit(_ fixture: LogFixture) async throws {
        let (consumer, offsets) = try await begun(fixture, count: 3)
        let outputs = fixture.outputs
        #expect(try await contents(of: outputs, .scores, partition: 0) == [])
        let reader = try await outputs.reader(.scores, partition: 0, from: 0)
        async let heard = read(2, from: reader)
        try await consumer.commit([
            batch(0, follows: nil, next: offsets[2] + 1, scores: ["s1", "s2"], outcomes: ["o1"], position: "here")
        ])
        #expect(try await heard.map { text($0.value) } == ["s1", "s2"])
        #expect(try await contents(of: outputs, .scores, partition: 0) == ["s1", "s2"])
        #expect(try await contents(of: outputs, .outcomes, partition: 0) == ["o1"])
        #expect(try await contents(of: outputs, .scores, partition: 1) == [])
        #expect(try await outputs.position(partition: 0) == "here")
        #expect(try await outputs.position(partition: 1) == nil)
        await consumer.close()
    }

    static func outputsKeepTheOrderOfTheirCommits(_ fixture: LogFixture) async throws {
        let (consumer, offsets) = try await begun(fixture, count: 5)
        var follows: Int64?
        for (number, offset) in offsets.enumerated() {
            let scores = (0..<number).map { "\(number).\($0)" }
            try await consumer.commit([batch(0, follows: follows, next: offset + 1, scores: scores)])
            follows = offset + 1
        }
        let expected = (0..<5).flatMap { number in (0..<number).map { "\(number).\($0)" } }
        #expect(try await contents(of: fixture.outputs, .scores, partition: 0) == expected)
        let start = try await fixture.outputs.bounds(.scores, partition: 0).lowerBound
        let all = try await read(10, from: fixture.outputs.reader(.scores, partition: 0, from: start))
        expectOrder(all, fixture)
        let middle = try await fixture.outputs.reader(.scores, partition: 0, from: all[6].offset)
        #expect(try await read(4, from: middle) == Array(all[6...]))
        await consumer.close()
    }

    static func aCommitWithoutOutputsMovesThePosition(_ fixture: LogFixture) async throws {
        let (consumer, offsets) = try await begun(fixture, count: 2)
        try await consumer.commit([batch(0, follows: nil, next: offsets[0], position: "start")])
        try await consumer.commit([batch(0, follows: offsets[0], next: offsets[1] + 1, position: "end")])
        #expect(try await fixture.outputs.position(partition: 0) == "end")
        #expect(try await fixture.outputs.bounds(.scores, partition: 0).isEmpty)
        try await consumer.commit([])
        await consumer.close()
    }

    static func aPositionOfFullLengthIsKept(_ fixture: LogFixture) async throws {
        let (consumer, offsets) = try await begun(fixture, count: 1)
        let position = String(repeating: "0123456789", count: 350)
        try await consumer.commit([batch(0, follows: nil, next: offsets[0] + 1, position: position)])
        #expect(try await fixture.outputs.position(partition: 0) == position)
        await consumer.close()
    }

    static func aCommitRepeatedWithTheSameBatchIsHarmless(_ fixture: LogFixture) async throws {
        let (consumer, offsets) = try await begun(fixture, count: 2)
        let first = batch(0, follows: nil, next: offsets[0] + 1, scores: ["s1"])
        let second = batch(0, follows: offsets[0] + 1, next: offsets[1] + 1, scores: ["s2"], outcomes: ["o1"])
        for repeated in [first, first, second, second] { try await consumer.commit([repeated]) }
        #expect(try await contents(of: fixture.outputs, .scores, partition: 0) == ["s1", "s2"])
        #expect(try await contents(of: fixture.outputs, .outcomes, partition: 0) == ["o1"])
        await consumer.close()
    }

    /// Whether the commit is refused because its place is taken: by a log of one process for good, by one of many for
    /// this member.
    private static func expectRefused(
        _ batches: [ScoredBatch], by consumer: any EventConsumer, sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        do {
            try await consumer.commit(batches)
            Issue.record("the commit was not refused", sourceLocation: sourceLocation)
        } catch {
            switch error {
            case .fenced, .mustRejoin: break
            default: Issue.record("expected .fenced or .mustRejoin, got \(error)", sourceLocation: sourceLocation)
            }
        }
    }

    static func aBatchThatDoesNotFollowIsRefused(_ fixture: LogFixture) async throws {
        let (consumer, offsets) = try await begun(fixture, count: 3)
        let next = offsets.map { $0 + 1 }
        try await consumer.commit([batch(0, follows: nil, next: next[1], scores: ["s1", "s2"])])
        await expectRefused([batch(0, follows: nil, next: next[2], scores: ["lost"])], by: consumer)
        #expect(try await contents(of: fixture.outputs, .scores, partition: 0) == ["s1", "s2"])
        #expect(try await fixture.outputs.position(partition: 0) == #"{"next":\#(next[1])}"#)
        await consumer.close()
    }

    static func batchesAreCommittedAllOrNone(_ fixture: LogFixture) async throws {
        let (consumer, offsets) = try await begun(fixture, count: 2)
        try await consumer.commit([
            batch(0, follows: nil, next: offsets[0] + 1, scores: ["a"]),
            batch(1, follows: nil, next: 0, outcomes: ["b"]),
        ])
        await expectRefused(
            [
                batch(0, follows: offsets[0] + 1, next: offsets[1] + 1, scores: ["lost"]),
                batch(1, follows: 77, next: 78, outcomes: ["lost"]),
            ], by: consumer)
        #expect(try await contents(of: fixture.outputs, .scores, partition: 0) == ["a"])
        #expect(try await contents(of: fixture.outputs, .outcomes, partition: 1) == ["b"])
        #expect(try await fixture.outputs.position(partition: 0) == #"{"next":\#(offsets[0] + 1)}"#)
        await consumer.close()
    }

    static func aNewConsumerContinuesFromThePosition(_ fixture: LogFixture) async throws {
        let (consumer, offsets) = try await begun(fixture, count: 6)
        try await consumer.commit([batch(0, follows: nil, next: offsets[3] + 1, scores: ["s"], position: "after 4")])
        await consumer.close()

        let restarted = try await fixture.restart()
        do {
            let next = try await restarted.makeConsumer()
            let assigned = try await assignment(of: next)
            #expect(assigned.map(\.position) == ["after 4"] + assigned.dropFirst().map { _ in nil })
            try await next.begin(partition: 0, at: offsets[4])
            #expect(try await pull(2, partition: 0, from: next).map(\.offset) == Array(offsets[4...]))
            let batch = batch(0, follows: offsets[3] + 1, next: offsets[5] + 1, scores: ["t"], position: "after 6")
            try await next.commit([batch])
            #expect(try await contents(of: restarted.outputs, .scores, partition: 0) == ["s", "t"])
            await next.close()
        } catch {
            await restarted.close()
            throw error
        }
        await restarted.close()
    }

    static func aRivalFencesTheOneBeforeIt(_ fixture: LogFixture) async throws {
        guard let makeRival = fixture.makeRival else { try skip("no rival can be made here") }
        let (first, offsets) = try await begun(fixture, count: 4)
        let next = offsets.map { $0 + 1 }
        try await first.commit([batch(0, follows: nil, next: next[0], scores: ["s1"])])
        let rival = try await makeRival()
        _ = try await assignment(of: rival)
        try await rival.begin(partition: 0, at: next[0])
        _ = try await pull(3, partition: 0, from: rival)
        try await rival.commit([batch(0, follows: next[0], next: next[1], scores: ["s2"])])
        await expectRefused([batch(0, follows: next[0], next: next[2], scores: ["lost"])], by: first)
        try await rival.commit([batch(0, follows: next[1], next: next[3], scores: ["s4"])])
        #expect(try await contents(of: fixture.outputs, .scores, partition: 0) == ["s1", "s2", "s4"])
        await first.close()
        await rival.close()
    }
}
