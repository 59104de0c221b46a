import EventLog
import Events
import Scoring
import Sessions
import Testing

/// The pure part: records in, outputs out.
struct PartitionScorerTests {
    /// A log with everything on it: two timelines, repeated ids, purchases, ticks, an end, records that are none.
    static func log(seed: UInt64, count: Int = 600) -> [StoredRecord] {
        var random = SeededRandom(seed &+ 77)
        var live = SyntheticShop(seed: seed)
        var history = SyntheticShop(seed: seed &+ 500)
        var time: Int64 = 1_700_000_000_000
        var liveEvents = live.events(count, from: time)[...]
        var historyEvents = history.events(count, from: 1_500_000_000_000)[...]
        return (0..<count).map { offset in
            time += Int64.random(in: 0..<5_000, using: &random)
            let value: [UInt8]
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<3: value = Array("{\"id\":".utf8)
            case 3..<5: value = RecordCoder.tick
            case 5..<6: value = RecordCoder.encodeEnd(replay: "history")
            case 6..<8:
                time += 40 * 60_000
                value = RecordCoder.tick
            case 8..<40:
                value = RecordCoder.encode(historyEvents.removeFirst(), timeline: .replay("history"), received: time)
            default:
                value = RecordCoder.encode(liveEvents.removeFirst(), timeline: .live, received: time)
            }
            return StoredRecord(offset: Int64(offset), time: time, value: value)
        }
    }

    /// Small enough for sessions to be muted.
    static let parameters = FoldParameters(
        idleGap_ms: 30 * 60_000, maxRecords: 20, maxDuration_ms: 24 * 3_600_000, maxReplays: 12)

    struct Outputs: Equatable {
        var scores: [OutputRecord] = []
        var outcomes: [OutputRecord] = []
        var positions: [Int64: String] = [:]
    }

    static func commit(_ scorer: inout PartitionScorer, to outputs: inout Outputs) {
        guard let batch = scorer.uncommitted() else { return }
        let again = scorer.uncommitted()
        #expect(again == batch)
        outputs.scores += batch.scores
        outputs.outcomes += batch.outcomes
        outputs.positions[batch.next] = batch.position
        scorer.committed()
        let rest = scorer.uncommitted()
        #expect(rest == nil)
    }

    static func scorer(
        _ log: [StoredRecord], at position: String? = nil, model: NumberedModel? = nil
    ) throws -> PartitionScorer {
        try PartitionScorer(
            assigned: AssignedPartition(partition: 0, position: position, bounds: 0..<Int64(log.count)), model: model,
            parameters: parameters)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func batchSizesChangeNoOutput(seed: UInt64) throws {
        let log = Self.log(seed: seed)
        let model = try TestModels.first()
        var bySize: [Outputs] = []
        for size in [1, 7, 64, log.count] {
            var scorer = try Self.scorer(log, model: model)
            var outputs = Outputs()
            for start in stride(from: 0, to: log.count, by: size) {
                scorer.process(Array(log[start..<min(start + size, log.count)]))
                Self.commit(&scorer, to: &outputs)
            }
            outputs.positions = outputs.positions.filter { $0.key == Int64(log.count) }
            bySize.append(outputs)
        }
        #expect(!bySize[0].scores.isEmpty && !bySize[0].outcomes.isEmpty)
        for outputs in bySize { #expect(outputs == bySize[0]) }
    }

    @Test(arguments: [4, 5, 6] as [UInt64])
    func aRestartAtAnyCommitChangesNoOutput(seed: UInt64) throws {
        let log = Self.log(seed: seed, count: 300)
        let model = try TestModels.first()
        var whole = Outputs()
        var scorer = try Self.scorer(log, model: model)
        for record in log {
            scorer.process([record])
            Self.commit(&scorer, to: &whole)
        }
        // Every record that was committed alone is a place to start again.
        for cut in log.indices {
            let next = Int64(cut + 1)
            let position = try #require(whole.positions[next])
            var again = try Self.scorer(log, at: position, model: model)
            let start = Int(again.fold.nextOffset)
            #expect(start == (try Position(decoding: position)).lowWaterOffset)
            again.process(Array(log[start...]))
            var rest = Outputs()
            Self.commit(&again, to: &rest)
            let before = whole.scores.count - rest.scores.count
            #expect(Array(whole.scores[max(0, before)...]) == rest.scores, "seed \(seed), cut at \(next)")
            #expect(
                Array(whole.outcomes.suffix(rest.outcomes.count)) == rest.outcomes, "seed \(seed), cut at \(next)")
            let last = cut == log.count - 1 ? position : rest.positions[Int64(log.count)]
            #expect(last == whole.positions[Int64(log.count)], "seed \(seed), cut at \(next)")
            #expect(
                Set(rest.scores.map(\.value)).isDisjoint(with: whole.scores[..<max(0, before)].map(\.value)),
                "seed \(seed), cut at \(next)")
        }
    }

    @Test(arguments: [7, 8] as [UInt64])
    func scoresAreThoseOfTheWholeSession(seed: UInt64) throws {
        let log = Self.log(seed: seed)
        let model = try TestModels.first()
        var scorer = try Self.scorer(log, model: model)
        scorer.process(log)
        let offline = offlineScores(
            log.map { ($0.offset, $0.time, $0.value) }, model: model.model, parameters: Self.parameters)
        let uncommitted = scorer.uncommitted()
        let batch = try #require(uncommitted)
        let scores = try batch.scores.map { try ScoreRecord(decoding: $0.value) }
        #expect(scores.count == offline.count)
        #expect(zip(batch.scores, scores).allSatisfy { $0.value == $1.encoded() }, "seed \(seed)")
        for score in scores {
            #expect(score.score.bitPattern == offline[score.offset]?.bitPattern, "seed \(seed), \(score)")
        }
    }

    @Test func whatIsProcessedBesideACommitBelongsToTheNextBatch() throws {
        let log = Self.log(seed: 13, count: 120)
        let model = try TestModels.first()
        var inTurn = try Self.scorer(log, model: model)
        var beside = try Self.scorer(log, model: model)
        inTurn.process(Array(log[..<70]))
        let first = inTurn.uncommitted()
        inTurn.committed()
        inTurn.process(Array(log[70...]))
        let second = inTurn.uncommitted()

        beside.process(Array(log[..<70]))
        let given = beside.uncommitted()
        beside.process(Array(log[70...]))
        let again = beside.uncommitted()
        beside.committed()
        let following = beside.uncommitted()
        #expect(given == first && again == first && following == second)
    }

    @Test func aForeignPositionIsRefused() throws {
        let log = Self.log(seed: 9, count: 50)
        var scorer = try Self.scorer(log)
        scorer.process(log)
        let position = scorer.uncommitted()?.position
        #expect(throws: PositionError.self) {
            try PartitionScorer(
                assigned: AssignedPartition(partition: 0, position: position, bounds: 0..<50), model: nil)
        }
        #expect(throws: PositionError.self) { try Self.scorer(log, at: "{}") }
    }

    /// Retention has passed the low-water: what is left is folded, and sessions that may lack their beginning say so.
    @Test func sessionsWhoseBeginningIsGoneAreFlagged() throws {
        let log = Self.log(seed: 12, count: 200)
        var scorer = try Self.scorer(log)
        scorer.process(Array(log[..<100]))
        let first = scorer.uncommitted()
        let position = try #require(first?.position)
        let low = try Position(decoding: position).lowWaterOffset
        let start = low + (100 - low) / 2
        #expect(start > low && start < 100)
        var again = try PartitionScorer(
            assigned: AssignedPartition(partition: 0, position: position, bounds: start..<200), model: nil,
            parameters: Self.parameters)
        #expect(again.fold.nextOffset == start && again.fold.isResuming)
        again.process(Array(log[Int(start)...]))
        let rest = again.uncommitted()
        let batch = try #require(rest)
        let outcomes = try batch.outcomes.map { try OutcomeRecord(decoding: $0.value) }
        let flagged = outcomes.filter(\.truncated)
        #expect(!flagged.isEmpty)
        for outcome in outcomes {
            let first = try #require(SessionIdentity(outcome.session)).firstOffset
            #expect(outcome.truncated == (first < 100), "\(outcome.session)")
        }
        let counters = try Position(decoding: batch.position)
        #expect(counters.sessions.truncated == Int64(flagged.count))
        #expect(counters.next - counters.start == counters.counters.total)
    }
}
