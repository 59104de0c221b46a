import Events
import Intent
import Sessions
import Testing

struct ProductStatisticsTests {
    private static func sessions(_ seed: UInt64) -> [TrainingSession] {
        var random = RandomSource(seed: seed)
        return (0..<300).map { number in
            let steps = (0..<Int.random(in: 1...6, using: &random)).map { index in
                Step(
                    kind: Bool.random(using: &random) ? .detail : .add, sku: UInt64.random(in: 0...20, using: &random),
                    elapsed_ms: UInt32(index))
            }
            return TrainingSession(start: Int64(number), steps: steps, purchased: Bool.random(using: &random))
        }
    }

    /// Whatever a session did or became, its own training rows are the same: no label and no add reaches its inputs.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func aSessionsOwnLabelNeverReachesItsInputs(seed: UInt64) {
        let sessions = Self.sessions(seed)
        let statistics = ProductStatistics(sessions)
        var hasMoved = false
        for index in stride(from: 0, to: sessions.count, by: 29) {
            var changed = sessions
            changed[index].purchased.toggle()
            let other = ProductStatistics(changed)
            for step in sessions[index].steps where step.sku != 0 {
                let own = statistics.product(step.sku, outsideFoldOf: index)
                // The mean of the window, which all products share, may move by one session.
                #expect(abs(own.conversion - other.product(step.sku, outsideFoldOf: index).conversion) < 0.02)
                #expect(own.popularity == other.product(step.sku, outsideFoldOf: index).popularity)
                #expect(own.adding == other.product(step.sku, outsideFoldOf: index).adding)
                let elsewhere = statistics.product(step.sku, outsideFoldOf: index + 1).conversion
                let moved = other.product(step.sku, outsideFoldOf: index + 1).conversion
                if abs(elsewhere - moved) > 0.02 { hasMoved = true }
            }
        }
        #expect(hasMoved, "the label moves what the other folds see, seed \(seed)")
    }

    @Test func whatSellsStandsAboveWhatDoesNot() throws {
        let sessions = (0..<400).map { number in
            let buys = number % 4 == 0
            return Examples.session([.detail], purchased: buys, start: Int64(number), sku: buys ? 5 : 6)
        }
        let products = ProductStatistics(sessions).products(limit: 10)
        #expect(try #require(products[5]).conversion > 0.5)
        #expect(try #require(products[6]).conversion < -0.5)
        #expect(try #require(products[6]).popularity > #require(products[5]).popularity)
        #expect(ProductStatistics(sessions).products(limit: 1).keys.sorted() == [6])
    }
}
