import EventLog
import Scoring
import Sessions
import Testing

/// Partitions that go and come back.
struct ShelfTests {
    private let now = ContinuousClock.now

    /// Two members score the same log in the same batches. One keeps its state whenever the partition goes, the other
    /// folds again: position, scores and outcomes of every commit are the same, also where the model changed meanwhile.
    @Test(arguments: [71, 72, 73, 74, 75, 76] as [UInt64])
    func goingOnGivesWhatFoldingAgainGives(seed: UInt64) throws {
        let log = PartitionScorerTests.log(seed: seed)
        let models = [try TestModels.first(), try TestModels.second()]
        var random = SeededRandom(seed)
        var shelf = Shelf(maxSessions: 1_000, lifetime: .seconds(60))
        var model = models[0]
        var keeps = try PartitionScorerTests.scorer(log, model: model)
        var folds = keeps
        var (next, departures) = (0, 0)
        while next < log.count {
            let end = min(log.count, next + Int.random(in: 1...40, using: &random))
            let records = Array(log[next..<end])
            keeps.process(records)
            folds.process(records)
            next = end
            let batch = keeps.uncommitted()
            let other = folds.uncommitted()
            #expect(batch == other, "seed \(seed), up to \(end)")
            keeps.committed()
            folds.committed()
            guard Bool.random(using: &random), let position = batch?.position else { continue }
            departures += 1
            if Int.random(in: 0..<4, using: &random) == 0 { model = models[departures % 2] }
            let assigned = AssignedPartition(partition: 0, position: position, bounds: 0..<Int64(log.count))
            shelf.keep(keeps, at: now)
            let kept = shelf.take(assigned, at: now)
            var back = try #require(kept, "seed \(seed), at \(end)")
            if back.modelNumber != model.number { back.swap(to: model) }
            keeps = back
            folds = try PartitionScorer(assigned: assigned, model: model, parameters: PartitionScorerTests.parameters)
            folds.process(Array(log[Int(folds.fold.nextOffset)..<end]))
            #expect(!folds.hasUncommitted && folds.fold.nextOffset == keeps.fold.nextOffset)
        }
        #expect(departures > 5)
    }

    /// A partition's state, the position that it committed, and what it is assigned with.
    private func committed(
        _ count: Int, of log: [StoredRecord]
    ) throws -> (scorer: PartitionScorer, assigned: AssignedPartition) {
        var scorer = try PartitionScorerTests.scorer(log)
        scorer.process(Array(log[..<count]))
        let batch = scorer.uncommitted()
        let position = try #require(batch?.position)
        scorer.committed()
        return (scorer, AssignedPartition(partition: 0, position: position, bounds: 0..<Int64(log.count)))
    }

    @Test func onlyTheSamePositionIsContinued() throws {
        let log = PartitionScorerTests.log(seed: 80, count: 120)
        let (scorer, assigned) = try committed(60, of: log)
        var shelf = Shelf(maxSessions: 1_000, lifetime: .seconds(60))
        for other in [
            try committed(61, of: log).assigned, AssignedPartition(partition: 0, position: nil, bounds: 0..<120),
            AssignedPartition(partition: 1, position: assigned.position, bounds: 0..<120),
        ] {
            shelf.keep(scorer, at: now)
            #expect(shelf.take(other, at: now) == nil)
        }
        #expect(shelf.partitions == [0])
        let same = shelf.take(assigned, at: now)
        #expect(same?.fold.nextOffset == 60)
        let twice = shelf.take(assigned, at: now)
        #expect(twice == nil)
    }

    @Test func whatIsUncommittedIsNotKept() throws {
        let log = PartitionScorerTests.log(seed: 81, count: 120)
        var (scorer, _) = try committed(60, of: log)
        var shelf = Shelf(maxSessions: 1_000, lifetime: .seconds(60))
        shelf.keep(scorer, at: now)
        scorer.process([log[60]])
        // Neither this state nor what was kept of the partition before.
        shelf.keep(scorer, at: now)
        #expect(shelf.partitions.isEmpty)
    }

    @Test func theOldestGoesWhereTimeOrRoomIsOver() throws {
        let log = PartitionScorerTests.log(seed: 82, count: 120)
        let (scorer, assigned) = try committed(60, of: log)
        let sessions = scorer.fold.openSessions
        #expect(sessions > 1)
        var shelf = Shelf(maxSessions: sessions - 1, lifetime: .seconds(60))
        shelf.keep(scorer, at: now)
        #expect(shelf.partitions.isEmpty)
        shelf = Shelf(maxSessions: sessions, lifetime: .seconds(60))
        shelf.keep(scorer, at: now)
        let late = shelf.take(assigned, at: now + .seconds(60))
        #expect(late == nil)
        shelf.keep(scorer, at: now)
        shelf.sweep(at: now + .seconds(59))
        #expect(shelf.partitions == [0])
        let inTime = shelf.take(assigned, at: now + .seconds(59))
        #expect(inTime != nil)
    }
}
