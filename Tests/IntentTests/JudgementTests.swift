import Events
import Intent
import Sessions
import Testing

struct JudgementTests {
    private struct Made {
        var good: IntentModel
        var bad: IntentModel
        var unseen: [TrainingSession]
    }

    private static let made = Result { try make() }

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
        let made = try Self.made.get()
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
        let few = Judgement.judge(challenger: made.good, champion: nil, sessions: Array(made.unseen.prefix(50)))
        #expect(!few.promote && few.reason.contains("only 50 unseen sessions"))
    }

    @Test func everyRuleHasAReasonOfItsOwn() throws {
        let made = try Self.made.get()
        func reason(
            _ challenger: IntentModel, over champion: IntentModel?, _ change: (inout JudgementRules) -> Void = { _ in }
        ) -> String {
            var rules = JudgementRules()
            change(&rules)
            let verdict = Judgement.judge(
                challenger: challenger, champion: champion, sessions: made.unseen, rules: rules)
            #expect(!verdict.promote)
            return verdict.reason
        }
        // Far too high, yet better than what is higher still.
        let high = made.good.calibrated(offset: 1.5)
        let higher = made.good.calibrated(offset: 4)
        #expect(reason(high, over: higher).contains("calibration error"))
        #expect(reason(high, over: higher) { $0.maxECE = 1 }.contains("times the base rate"))
        // Better in log-loss, as the champion's scores are far off; worse in order.
        let disorderly = made.bad
        #expect(
            reason(disorderly, over: higher) {
                $0.maxECE = 1
                $0.maxBias = 10
            }.contains("AUC falls"))
        #expect(
            reason(disorderly, over: higher) {
                $0.maxECE = 1
                $0.maxBias = 10
                $0.maxAUCLoss = 1
            }.contains("AUC at prefix"))
        #expect(reason(made.good, over: nil) { $0.minBuyers = 1_000_000 }.contains("1000000 are needed"))
    }

    @Test func noSessionsOrBuyersAreNoGroundForPromotion() {
        var rules = JudgementRules()
        rules.minSessions = 0
        rules.minBuyers = 0
        let model = Examples.untrained()
        let none = Judgement.judge(challenger: model, champion: nil, sessions: [], rules: rules)
        #expect(!none.promote && none.reason.contains("only 0 unseen sessions"))
        let buyers = (0..<10).map { Examples.session([.pageview], purchased: true, start: Int64($0)) }
        let all = Judgement.judge(challenger: model, champion: nil, sessions: buyers, rules: rules)
        #expect(!all.promote && all.reason.contains("every unseen session bought"))
    }
}
