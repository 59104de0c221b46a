/// How far scores are from the shares that bought, beyond what chance explains.
package enum CalibrationError {
    package typealias Prediction = (session: Int, probability: Float, positive: Bool)

    /// Expected calibration error over bins of equal size, less what a calibrated model would show by chance.
    ///
    /// A bin's sum of score less label has, for a calibrated model, mean zero and the variance of its sessions' sums:
    /// the prefixes of a session share their label. Its absolute value is then √(2/π) of the deviation on average. At
    /// 600 sessions of which a quarter buy, that alone is more than any gate could allow.
    package static func beyondChance(_ predictions: [Prediction], bins: Int) -> Double {
        let sorted = predictions.sorted { ($0.probability, $0.session) < ($1.probability, $1.session) }
        var error = 0.0
        for bin in 0..<bins {
            var bySession: [Int: Double] = [:]
            for one in sorted[(bin * sorted.count / bins)..<((bin + 1) * sorted.count / bins)] {
                bySession[one.session, default: 0] += Double(one.probability) - (one.positive ? 1 : 0)
            }
            // In one order: a sum of floating-point numbers depends on it.
            let sums = bySession.sorted { $0.key < $1.key }.map(\.value)
            let squares = sums.reduce(0) { $0 + $1 * $1 }
            error += abs(sums.reduce(0, +)) - (squares * 2 / .pi).squareRoot()
        }
        return max(0, error / Double(max(1, sorted.count)))
    }
}
