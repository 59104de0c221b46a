import Foundation
import Intent
import Testing

struct MetricsTests {
    @Test func aSmallExampleCountedByHand() throws {
        // Ranked: 0.9 +, 0.8 −, 0.7 +, 0.1 −. Of four pairs three are in order.
        let metrics = Metrics([(0.9, true), (0.1, false), (0.8, false), (0.7, true)])
        #expect(metrics.auc == 0.75)
        func expect(_ value: Double?, near expected: Double) throws {
            let value = try #require(value)
            #expect(abs(value - expected) < 1e-6)
        }
        try expect(metrics.prAUC, near: (1.0 + 2.0 / 3) / 2)
        let loss: Double = [0.9, 0.7, 0.2, 0.9].reduce(0) { $0 - log($1) / 4 }
        try expect(metrics.logLoss, near: loss)
        try expect(metrics.brier, near: 0.75 / 4)
        try expect(metrics.calibrationRatio, near: 2.5 / 2)
    }

    @Test func equalPredictionsShareTheirRank() {
        #expect(Metrics([(0.5, true), (0.5, false), (0.5, false), (0.5, true)]).auc == 0.5)
    }

    @Test func oneClassAloneHasNoFigures() {
        let metrics = Metrics([(0.3, false), (0.4, false)])
        #expect(metrics.auc == nil && metrics.logLoss == nil && metrics.ece == nil)
        #expect(Metrics([]).baseRate == 0)
    }

    @Test func perfectScoresAreCalibrated() throws {
        let predictions = (0..<400).map { (probability: Float(0.25), positive: $0 % 4 == 0) }
        #expect(abs(try #require(Metrics(predictions).ece)) < 1e-3)
    }

    @Test func theOrderOfEqualPredictionsDecidesNothing() {
        let positives = (0..<40).map { _ in (probability: Float(0.5), positive: true) }
        let negatives = (0..<40).map { _ in (probability: Float(0.5), positive: false) }
        #expect(Metrics(positives + negatives).ece == 0)
        #expect(Metrics(negatives + positives).ece == 0)
        #expect(Metrics(positives + negatives).prAUC == 0.5)
    }

    @Test func theCalibrationErrorOfTwentyBinsCountedByHand() throws {
        // Forty predictions, two a bin. In every second bin one of the two bought, in the others none: at 0.5 and 0.1
        // that is off by 0 and by 0.1.
        var predictions: [(probability: Float, positive: Bool)] = []
        for _ in 0..<10 { predictions += [(0.5, true), (0.5, false), (0.1, false), (0.1, false)] }
        #expect(abs(try #require(Metrics(predictions).ece) - 0.05) < 1e-8)
    }

    @Test func aCertainErrorIsCappedAndFinite() throws {
        let metrics = Metrics([(0, true), (1, false)])
        #expect(try #require(metrics.logLoss).isFinite)
        #expect(metrics.auc == 0)
        #expect(metrics.brier == 1)
    }
}
