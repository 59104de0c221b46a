import Events
import Intent
import Testing

struct LikeSeedTests {
    /// Back-propagation against the slope of the loss itself, along random directions.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func theGradientIsTheSlopeOfTheLoss(seed: UInt64) {
        var random = RandomSource(seed: seed)
        let network = KindLSTM(hiddenSize: 8, random: &random)
        let kinds: [EventKind] = [.pageview, .detail, .add, .remove, .search, .click, .detail]
        let zero = [SIMD8<Float>](repeating: SIMD8(repeating: 0), count: network.values.count)
        var gradient = zero
        let purchased = seed % 2 == 0
        _ = network.addGradient(kinds, purchased: purchased, weight: 1, to: &gradient)
        func loss(_ direction: [SIMD8<Float>], _ step: Float) -> Double {
            var moved = network
            for index in direction.indices { moved.values[index] += direction[index] * step }
            var ignored = zero
            return moved.addGradient(kinds, purchased: purchased, weight: 1, to: &ignored)
        }
        var length = 0.0
        for _ in 0..<40 {
            // A few places at a time, so that no part of the weights hides behind another.
            var direction = zero
            let start = Int.random(in: 0..<zero.count, using: &random)
            for index in start..<min(start + 8, zero.count) {
                for lane in 0..<8 { direction[index][lane] = Float.random(in: -1...1, using: &random) }
            }
            // The head's bias is one number; the rest of its block is nothing.
            for lane in 1..<8 { direction[zero.count - 1][lane] = 0 }
            let slope = (loss(direction, 5e-3) - loss(direction, -5e-3)) / 1e-2
            let product = zip(direction, gradient).reduce(0) { $0 + Double(($1.0 * $1.1).sum()) }
            length += abs(product)
            #expect(abs(product - slope) < 0.01 * abs(slope) + 2e-4, "seed \(seed), place \(start)")
        }
        #expect(length > 0.05, "seed \(seed)")
    }

    @Test func itStandsInTheReportWhereAskedForAndLearnsTheEndOfAddSessions() throws {
        let sessions = Examples.shop(events: 120_000)
        var options = ReportOptions.standard
        options.likeSeed = LikeSeedOptions()
        options.likeSeed?.epochs = 4
        options.resamples = 20
        let cut = sessions.count * 3 / 4
        let report = Report(
            model: Examples.untrained(), training: Array(sessions[..<cut]), test: Array(sessions[cut...]),
            options: options)
        let row = try #require(report["like_seed"])
        // It ranks live prefixes better than chance, and its probabilities are far off: it knows add-sessions only.
        #expect(try #require(row.overall.auc) > 0.6)
        #expect(try #require(row.overall.logLoss) > #require(report["constant"]?.overall.logLoss))
    }

    @Test func withoutAddSessionsOfBothClassesItSaysSomethingAllTheSame() throws {
        let sessions = (0..<100).map {
            Examples.session([.pageview, .detail], purchased: $0 % 5 == 0, start: Int64($0))
        }
        var options = ReportOptions.standard
        options.likeSeed = LikeSeedOptions()
        let report = Report(model: Examples.untrained(), training: sessions, test: sessions, options: options)
        #expect(try #require(report["like_seed"]?.overall.logLoss).isFinite)
    }
}
