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

    /// Those who buy stay longer here, and the first event tells nothing: half of the sessions that start so buy. Weighing
    /// each session alike would teach that one in nine does.
    @Test func howLongASessionLastsDoesNotChangeWhatItsStartSays() throws {
        let sessions = (0..<2_000).map { number in
            let buys = number % 2 == 0
            return Examples.session(
                [EventKind](repeating: .pageview, count: buys ? 8 : 1), purchased: buys, start: Int64(number))
        }
        let model = try Trainer.train(sessions, options: Examples.small).model
        let first = try #require(model.logits(sessions[0]).first)
        #expect(abs(PortableMath.sigmoid(Double(first)) - 0.5) < 0.1)
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

    @Test func whatIsTooLittleIsNamedOnce() {
        let sessions = (0..<150).map { Examples.session([.pageview], purchased: $0 % 3 == 0, start: Int64($0)) }
        let error = #expect(throws: TrainingError.self) { try Trainer.train(sessions) }
        #expect(error?.description == "not enough data: 150 sessions in all, at least 200 are needed")
    }

    /// Where there is nothing to learn the validation loss soon stops falling.
    @Test func trainingEndsWhenValidationGetsNoBetter() throws {
        var random = RandomSource(seed: 5)
        let sessions = (0..<600).map { number in
            Examples.session(
                [.pageview, .detail, .add].shuffled(using: &random), purchased: Bool.random(using: &random),
                start: Int64(number), sku: UInt64.random(in: 1...400, using: &random))
        }
        var options = Examples.small
        options.epochs = 60
        options.patience = 2
        var losses: [Int: Double] = [:]
        var epochs = 0
        let trained = try Trainer.train(sessions, options: options) { progress in
            epochs = progress.epoch
            losses[progress.epoch - 1] = progress.validationLoss
            return true
        }
        #expect(epochs < 60)
        let best = try #require(losses.min { $0.value < $1.value })
        // The last epoch's loss is never told: one of the two after the best one.
        #expect(best.key >= epochs - 2)
        #expect(try #require(trained.report["model"]?.overall.logLoss) < 0.8)
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
}
