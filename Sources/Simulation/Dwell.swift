/// The time from one action to the next: log-normal but for its tails, in whole milliseconds.
///
/// A draw is ⌊1,000 · median · e^(σ√3 (S − 2))⌋ with S the sum of four uniforms, so its logarithm has deviation σ and
/// stays within ±3.47 σ of the median's.
package struct Dwell: Sendable {
    package let median_s: Double
    /// Of the logarithm: σ, above 0.
    package let deviation: Double
    /// ln(1,000 · median), and 1 / (σ√3): what turns the logarithm of a time into S.
    private let centre: Double
    private let scale: Double

    package init(median_s: Double, deviation: Double) {
        precondition(median_s > 0 && deviation > 0, "Dwell.init: median \(median_s) s, deviation \(deviation)")
        self.median_s = median_s
        self.deviation = deviation
        centre = Chance.log(1_000 * median_s)
        scale = 1 / (1.732_050_807_568_877_2 * deviation)
    }

    /// No draw takes longer.
    var longest_s: Double { median_s * Chance.exp(3.465 * deviation) }

    func draw(_ chance: inout Chance) -> Int64 {
        Int64(chance.logNormal(median: median_s, deviation: deviation) * 1_000)
    }

    /// A time as a density is asked for: logarithms of both ends of its millisecond.
    package struct Gap: Sendable {
        let from: Double
        let through: Double

        package init(_ gap_ms: Int64) {
            // From 0 ms on, every draw's logarithm is above that of a thousandth.
            from = Chance.log(max(Double(gap_ms), 1e-3))
            through = Chance.log(Double(gap_ms) + 1)
        }
    }

    /// The probability of a draw of just so many milliseconds.
    package func probability(of gap: Gap) -> Double {
        let from = 2 + (gap.from - centre) * scale
        let through = 2 + (gap.through - centre) * scale
        // The upper half through the lower one, where differences keep their digits.
        return from >= 2 ? Self.below(4 - from) - Self.below(4 - through) : Self.below(through) - Self.below(from)
    }

    /// P(S < s), the sum of four uniforms (Irwin 1927, Hall 1927).
    private static func below(_ s: Double) -> Double {
        if s <= 0 { return 0 }
        if s > 2 { return 1 - below(4 - s) }
        let square = s * s
        if s <= 1 { return square * square / 24 }
        let over = (s - 1) * (s - 1)
        return (square * square - 4 * over * over) / 24
    }
}
