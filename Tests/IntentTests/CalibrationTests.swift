import Foundation
import Intent
import Testing

struct CalibrationTests {
    /// Labels drawn from known probabilities.
    private static func drawn(
        _ count: Int, seed: UInt64, probability: (Float) -> Double
    ) -> [(logits: [Float], purchased: Bool)] {
        var random = RandomSource(seed: seed)
        return (0..<count).map { _ in
            let logit = Float.random(in: -4...2, using: &random)
            return ([logit], Double.random(in: 0..<1, using: &random) < probability(logit))
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func aKnownSlopeAndOffsetAreFound(seed: UInt64) {
        let sessions = Self.drawn(40_000, seed: seed) { 1 / (1 + exp(-(1.7 * Double($0) - 0.8))) }
        let fitted = Calibration.fit(sessions)
        #expect(abs(fitted.slope - 1.7) < 0.08, "seed \(seed)")
        #expect(abs(fitted.offset + 0.8) < 0.08, "seed \(seed)")
    }

    @Test func aFewSessionsChangeLittle() {
        let fitted = Calibration.fit([([-1], false), ([-1], false), ([-1], true), ([0], false)])
        #expect(abs(fitted.slope - 1) < 0.1)
        #expect(abs(fitted.offset) < 1)
    }

    @Test func scoresThatPointTheWrongWayAreNotTurnedAround() {
        let sessions = Self.drawn(5_000, seed: 4) { 1 / (1 + exp(2 * Double($0))) }
        #expect(Calibration.fit(sessions) == .identity)
    }

    /// Six hundred sessions, a quarter of them buying, whose scores are exactly their probabilities: what the gate must
    /// let through. The plain error is mostly above 0.02 there.
    @Test func chanceIsNoCalibrationError() {
        var plain = 0
        var corrected = 0
        for seed in 1...40 {
            let predictions = Self.predictions(sessions: 600, seed: UInt64(seed)) { $0 }
            if Metrics(predictions.map { ($0.probability, $0.positive) }).ece ?? 0 > 0.02 { plain += 1 }
            if CalibrationError.beyondChance(predictions, bins: 20) > 0.02 { corrected += 1 }
        }
        #expect(plain >= 36)
        #expect(corrected <= 4)
    }

    @Test func aTrueErrorIsSeenThroughChance() {
        for seed in 1...10 {
            let predictions = Self.predictions(sessions: 6_000, seed: UInt64(seed)) { min(0.99, $0 * 1.4) }
            #expect(CalibrationError.beyondChance(predictions, bins: 20) > 0.05, "seed \(seed)")
        }
    }

    private static func predictions(
        sessions: Int, seed: UInt64, score: (Float) -> Float
    ) -> [CalibrationError.Prediction] {
        var random = RandomSource(seed: seed)
        var predictions: [CalibrationError.Prediction] = []
        for session in 0..<sessions {
            let probability = Float.random(in: 0.02..<0.5, using: &random)
            let buys = Float.random(in: 0..<1, using: &random) < probability
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                predictions.append((session, score(probability), buys))
            }
        }
        return predictions
    }
}
