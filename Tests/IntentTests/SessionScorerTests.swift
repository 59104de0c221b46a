import Events
import Intent
import Sessions
import Testing

struct SessionScorerTests {
    @Test func oneStepAtATimeGivesWhatTheWholeSessionGives() throws {
        let sessions = Examples.shop(events: 30_000)
        let model = try Trainer.train(sessions, options: Examples.small).model
        var scorer = SessionScorer(model: model)
        for (slot, session) in sessions.prefix(200).enumerated() {
            let expected = model.scores(session)
            var before: Float?
            for end in session.steps.indices {
                let score = scorer.score(slot: slot % 7, steps: Array(session.steps[...end]))
                #expect(score.value.bitPattern == expected[end].bitPattern)
                #expect(score.change == before.map { score.value - $0 })
                before = score.value
            }
            scorer.free(slot: slot % 7)
        }
    }

    @Test func afterASwapAScoreIsTheNewModelsOwn() throws {
        let sessions = Examples.shop(events: 30_000)
        var other = Examples.small
        other.hiddenSize = 12
        let first = try Trainer.train(sessions, options: Examples.small).model
        let second = try Trainer.train(sessions, options: other).model
        let session = try #require(sessions.first { $0.steps.count >= 6 })
        var scorer = SessionScorer(model: first)
        _ = scorer.score(slot: 0, steps: Array(session.steps[..<3]))
        scorer.swap(to: second)
        let expected = second.scores(session)
        let score = scorer.score(slot: 0, steps: Array(session.steps[..<4]))
        #expect(score.value.bitPattern == expected[3].bitPattern)
        // The change is the new model's too, not the distance between two models.
        #expect(score.change == expected[3] - expected[2])
    }

    /// A session that is first seen in the middle (the first model came late, or the process was restarted) is encoded
    /// from its history; swaps, freed slots and repeated questions change nothing.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func whateverHappenedBeforeAScoreIsTheOfflineOne(seed: UInt64) {
        var random = RandomSource(seed: seed)
        let models = (0..<3).map { Examples.untrained(hiddenSize: 4 + 5 * $0, seed: seed + UInt64($0)) }
        let kinds: [EventKind] = [.pageview, .detail, .add, .remove, .search, .click]
        let sessions = (0..<6).map { _ in
            Examples.session(
                (0..<40).map { _ in kinds.randomElement(using: &random) ?? .click }, purchased: false, sku: 7)
        }
        var current = models[0]
        var scorer = SessionScorer(model: current)
        var seen = [Int](repeating: 0, count: sessions.count)
        for _ in 0..<2_000 {
            let slot = Int.random(in: sessions.indices, using: &random)
            switch Int.random(in: 0..<12, using: &random) {
            case 0:
                current = models[Int.random(in: 0..<3, using: &random)]
                scorer.swap(to: current)
            case 1:
                scorer.free(slot: slot)
                seen[slot] = 0
            default:
                seen[slot] = min(40, seen[slot] + Int.random(in: 0...3, using: &random))
                guard seen[slot] > 0 else { continue }
                let expected = current.scores(sessions[slot])
                let score = scorer.score(slot: slot, steps: Array(sessions[slot].steps[..<seen[slot]]))
                #expect(score.value.bitPattern == expected[seen[slot] - 1].bitPattern, "seed \(seed)")
                #expect(score.change == (seen[slot] > 1 ? expected[seen[slot] - 1] - expected[seen[slot] - 2] : nil))
            }
        }
    }
}
