import Intent
import Sessions
import Testing

struct JudgementTests {
    private struct Made {
        var good: IntentModel
        var bad: IntentModel
        var unseen: [TrainingSession]
    }

    private static func make() throws -> Made {
        let sessions = Examples.shop(events: 250_000, buyerShare: 8)
        let cut = sessions.count * 3 / 4
        let seen = Array(sessions[..<cut])
        var none = Examples.small
        none.epochs = 1
        none.learningRate = 1e-6
        var good = Examples.small
        good.hiddenSize = 16
        good.epochs = 8
        return Made(
            good: try Trainer.train(seen, options: good).model, bad: try Trainer.train(seen, options: none).model,
            unseen: Array(sessions[cut...]))
    }

    @Test func aBetterModelIsPromotedAndAWorseOneIsNot() throws {
        let made = try Self.make()
        let up = Judgement.judge(challenger: made.good, champion: made.bad, sessions: made.unseen)
        #expect(up.promote, "\(up.reason)")
        #expect(try #require(up.upperBound) < 0)
        let down = Judgement.judge(challenger: made.bad, champion: made.good, sessions: made.unseen)
        #expect(!down.promote)
        #expect(down.reason.contains("not surely better than the champion"))
        // Against itself nothing is gained.
        let same = Judgement.judge(challenger: made.good, champion: made.good, sessions: made.unseen)
        #expect(!same.promote)
        // Without a champion the rival is a constant that knows the base rate.
        let first = Judgement.judge(challenger: made.good, champion: nil, sessions: made.unseen)
        #expect(first.promote, "\(first.reason)")

        var strict = JudgementRules()
        strict.minGain = 0.99
        let small = Judgement.judge(challenger: made.good, champion: made.bad, sessions: made.unseen, rules: strict)
        #expect(!small.promote && small.reason.contains("below"))
        strict = JudgementRules()
        strict.maxECE = 0
        let uncalibrated = Judgement.judge(
            challenger: made.good, champion: made.bad, sessions: made.unseen, rules: strict)
        #expect(!uncalibrated.promote && uncalibrated.reason.contains("calibration error"))
        let few = Judgement.judge(challenger: made.good, champion: nil, sessions: Array(made.unseen.prefix(50)))
        #expect(!few.promote && few.reason.contains("only 50 unseen sessions"))
    }
}
