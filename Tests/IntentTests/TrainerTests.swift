import Events
import Intent
import Sessions
import Testing

struct TrainerTests {
    @Test func itBeatsWhatIsSimplerOnTheSimulatedShop() throws {
        let trained = try Trainer.train(Examples.shop(events: 400_000))
        func loss(_ name: String) throws -> Double { try #require(trained.report[name]?.overall.logLoss) }
        #expect(try loss("model") < 0.97 * loss("markov"))
        #expect(try loss("markov") < 0.97 * loss("constant"))
        #expect(try loss("model") < loss("logistic"))
        let model = try #require(trained.report["model"]?.overall)
        #expect(try #require(model.ece) < 0.02)
    }

    @Test func equalOptionsGiveEqualBits() throws {
        let sessions = Examples.shop(events: 30_000)
        let first = try Trainer.train(sessions, options: Examples.small)
        let second = try Trainer.train(sessions.reversed(), options: Examples.small)
        #expect(first.model.serialized() == second.model.serialized())
        var other = Examples.small
        other.seed = 2
        #expect(try Trainer.train(sessions, options: other).model != first.model)
    }

    @Test func tooLittleIsSaidWithFigures() {
        let error = #expect(throws: TrainingError.self) {
            try Trainer.train([Examples.session([.pageview], purchased: false)])
        }
        #expect(error?.description.contains("1 sessions") == true)
        let noBuyers = (0..<1_000).map { Examples.session([.pageview], purchased: false, start: Int64($0)) }
        #expect(throws: TrainingError.self) { try Trainer.train(noBuyers) }
        let onlyBuyers = (0..<1_000).map { Examples.session([.pageview], purchased: true, start: Int64($0)) }
        #expect(throws: TrainingError.self) { try Trainer.train(onlyBuyers) }
    }

    @Test func aLossThatIsNoNumberEndsTraining() {
        var options = Examples.small
        options.learningRate = 0.99
        options.clip = .greatestFiniteMagnitude
        options.epochs = 50
        options.patience = 50
        // Either it holds, or it says where it broke: it never gives a model of NaN.
        do {
            let trained = try Trainer.train(Examples.shop(events: 20_000), options: options)
            let score = trained.model.scores(Examples.session([.pageview, .add], purchased: true))
            #expect(score.allSatisfy { $0.isFinite && $0 > 0 && $0 < 1 })
        } catch {
            guard case .diverged = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test func whoeverWatchesMayEndIt() throws {
        var epochs: Set<Int> = []
        _ = try Trainer.train(Examples.shop(events: 30_000), options: Examples.small) { progress in
            epochs.insert(progress.epoch)
            return progress.epoch < 2
        }
        #expect(epochs == [1, 2])
    }

    @Test func optionsAreChecked() {
        var options = TrainingOptions()
        options.hiddenSize = 0
        #expect(throws: TrainingError.invalidOption("hiddenSize must be 1 to 1024")) {
            try Trainer.train([], options: options)
        }
    }

    /// A thank-you page shares the purchase's time stamp: neither it nor what follows may be seen.
    @Test func nothingFromThePurchaseOnIsSeen() {
        let sessions = Examples.shop(events: 50_000)
        #expect(sessions.contains { $0.purchased })
        for session in sessions { #expect(session.steps.allSatisfy { $0.kind != .purchase }) }
    }
}
