import Events
import Intent
import Sessions
import Testing

/// Sessions from which little or nothing can be learnt: a message that says so, or a model that claims no more.
struct BadInputTests {
    private func message(_ sessions: [TrainingSession]) -> String? {
        do throws(TrainingError) {
            _ = try Trainer.train(sessions, options: Examples.small)
            return nil
        } catch { return error.description }
    }

    private func sessions(_ count: Int = 1_000, _ purchased: (Int) -> Bool) -> [TrainingSession] {
        (0..<count).map { Examples.session([.pageview, .detail], purchased: purchased($0), start: Int64($0)) }
    }

    @Test func labelsOfOneClass() {
        #expect(message(sessions { _ in false }) == "not enough data: 0 buying sessions in all, at least 20 are needed")
        #expect(
            message(sessions { _ in true })
                == "not enough data: 0 sessions without a purchase in all, at least 1 are needed")
    }

    @Test func aSpanWithoutBuyers() {
        #expect(
            message(sessions { $0 < 700 && $0 % 10 == 0 })
                == "not enough data: 0 buying sessions in the validation span, at least 1 are needed")
        #expect(
            message(sessions { $0 < 800 && $0 % 10 == 0 })
                == "not enough data: 0 buying sessions in the calibration span, at least 1 are needed")
        #expect(
            message(sessions { $0 < 900 && $0 % 10 == 0 })
                == "not enough data: 0 buying sessions in the test span, at least 1 are needed")
    }

    /// Nothing can be told apart: the scores are near the share that buys, whoever asks.
    private func expectAllAlike(_ sessions: [TrainingSession]) throws {
        let report = try Trainer.train(sessions, options: Examples.small).report
        let model = try #require(report["model"]?.overall)
        #expect(try #require(model.logLoss) < 1.1 * #require(report["constant"]?.overall.logLoss))
        #expect(abs(try #require(model.calibrationRatio) - 1) < 0.5)
        for row in report.rows { #expect(try #require(row.overall.logLoss).isFinite, "\(row.name)") }
    }

    @Test func oneProductForAll() throws {
        var random = RandomSource(seed: 4)
        try expectAllAlike(
            (0..<1_500).map { number in
                Examples.session(
                    [.detail, .detail, .add], purchased: Bool.random(using: &random), start: Int64(number), sku: 9)
            })
    }

    @Test func oneEventSessionsOnly() throws {
        var random = RandomSource(seed: 6)
        try expectAllAlike(
            (0..<1_500).map { number in
                Examples.session(
                    [.pageview], purchased: Int.random(in: 0..<4, using: &random) == 0, start: Int64(number))
            })
    }

    /// 25 buyers for some eighty inputs: no worse than what knows nothing by more than noise.
    @Test func fewerBuyersThanInputs() throws {
        var random = RandomSource(seed: 8)
        let sessions = (0..<1_000).map { number in
            Examples.session(
                [.pageview, .detail, .click, .search].shuffled(using: &random), purchased: number % 40 == 7,
                start: Int64(number), sku: UInt64.random(in: 1...50, using: &random))
        }
        #expect(sessions.count { $0.purchased } < Encoder.rowCount)
        let report = try Trainer.train(sessions, options: Examples.small).report
        let model = try #require(report["model"]?.overall)
        #expect(try #require(model.logLoss) < 1.25 * #require(report["constant"]?.overall.logLoss))
        #expect(try #require(report["logistic"]?.overall.logLoss).isFinite)
    }

    /// Every session has a product of its own, and a hundred are in every tenth: of more products than are counted at a
    /// time the frequent ones keep what is known of them.
    @Test func moreProductsThanAreCountedAtATime() {
        var sessions: [TrainingSession] = []
        for number in 0..<5_000 {
            let frequent = UInt64(number % 10 + 1)
            var session = Examples.session([.detail, .detail], purchased: number % 10 < 2, start: Int64(number))
            session.steps[0].sku = frequent
            session.steps[1].sku = UInt64(1_000 + number)
            sessions.append(session)
        }
        let bounded = ProductStatistics(sessions, maxProducts: 200).products(limit: 10)
        let all = ProductStatistics(sessions).products(limit: 10)
        #expect(Set(bounded.keys) == Set(1...10))
        #expect(bounded == all)
    }

    @Test func anEmptyTestSpanIsNoReport() {
        #expect(message([]) == "not enough data: 0 sessions in all, at least 200 are needed")
    }
}
