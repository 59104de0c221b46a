import Events
import Intent
import Testing

struct SessionSamplingTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func everyBuyerStaysAndTheShareOfTheOthers(seed: UInt64) {
        let sessions = (0..<10_000).map {
            Examples.session([.pageview], purchased: $0 % 10 == 0, start: Int64($0))
        }
        let sample = SessionSampling(sessions, share: 0.2, seed: seed)
        #expect(sample.sessions.count { $0.purchased } == 1_000)
        let others = sample.sessions.count { !$0.purchased }
        // Five deviations of a binomial of 9,000.
        #expect(abs(others - 1_800) < 190, "seed \(seed)")
        #expect(sample.sessions.map(\.start) == sample.indices.map { sessions[$0].start })
        let odds = Double(others) / 9_000
        #expect(abs(PortableMath.exp(Double(sample.logitOffset)) - odds) < 1e-6)
    }

    @Test func allIsAll() {
        let sessions = (0..<50).map { Examples.session([.pageview], purchased: $0 % 10 == 0, start: Int64($0)) }
        for share in [nil, 1.0] {
            let sample = SessionSampling(sessions, share: share, seed: 1)
            #expect(sample.sessions == sessions && sample.logitOffset == 0)
        }
    }

    /// A model of a fifth of those who do not buy says the shop's probabilities before any calibration.
    @Test func theCorrectionGivesTheWholeShopsProbabilities() throws {
        let sessions = Examples.shop(events: 200_000)
        var options = TrainingOptions()
        options.hiddenSize = 16
        options.epochs = 6
        let whole = try Trainer.train(sessions, options: options)
        options.negatives = 0.2
        let sampled = try Trainer.train(sessions, options: options)
        let test = sessions.filter { $0.start >= sampled.testFrom }
        let raw = Metrics(
            test.flatMap { session in
                sampled.model.logits(session).map {
                    (probability: Float(PortableMath.sigmoid(Double($0))), positive: session.purchased)
                }
            })
        let ratio = try #require(raw.calibrationRatio)
        #expect(ratio > 0.75 && ratio < 1.33)
        let loss = try #require(sampled.report["model"]?.overall.logLoss)
        #expect(try loss < 1.05 * #require(whole.report["model"]?.overall.logLoss))
        #expect(try loss < 0.9 * #require(whole.report["constant"]?.overall.logLoss))
    }

    @Test(arguments: [0, -0.1, 1.5, .nan])
    func aShareThatIsNoneIsRefused(share: Double) {
        var options = TrainingOptions()
        options.negatives = share
        #expect(throws: TrainingError.invalidOption("negatives must lie between 0 and 1")) {
            try Trainer.train([], options: options)
        }
    }
}
