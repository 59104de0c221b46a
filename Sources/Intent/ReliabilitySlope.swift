/// The slope of a logistic regression of labels on the logits of their predictions (Cox 1958), and what resampling does
/// to it. 1 says that differences between predictions are as large as those between the shares that bought.
///
/// The fit is Newton's method over all predictions. A window's slope is one more Newton step from there, out of sums by
/// session: exact to first order, and as cheap as a mean.
struct ReliabilitySlope {
    /// Gradient and Hessian of the log-loss in (slope, offset) at the fit.
    private struct Sums {
        var (g0, g1) = (0.0, 0.0)
        var (h00, h01, h11) = (0.0, 0.0, 0.0)

        mutating func add(logit: Double, label: Double, slope: Double, offset: Double) {
            let p = PortableMath.sigmoid(slope * logit + offset)
            let curvature = p * (1 - p)
            g0 += (p - label) * logit
            g1 += p - label
            h00 += curvature * logit * logit
            h01 += curvature * logit
            h11 += curvature
        }

        mutating func add(_ other: Sums, times weight: Double) {
            g0 += weight * other.g0
            g1 += weight * other.g1
            h00 += weight * other.h00
            h01 += weight * other.h01
            h11 += weight * other.h11
        }

        /// Newton's step; `nil` where the predictions tell nothing apart.
        var step: (slope: Double, offset: Double)? {
            let determinant = h00 * h11 - h01 * h01
            guard determinant > 1e-9 * h00 * h11 else { return nil }
            return ((h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant)
        }
    }

    let slope: Double
    private var sums: [(session: Int, sum: Sums)] = []

    /// - Parameter predictions: those of a session next to each other.
    /// - Returns: `nil` where no slope is best: one class alone, equal predictions, classes without overlap.
    init?(_ predictions: [(session: Int32, probability: Float, positive: Bool)]) {
        let logits = predictions.map { PortableMath.logit(min(max(Double($0.probability), 1e-7), 1 - 1e-7)) }
        var (slope, offset) = (1.0, 0.0)
        var isSettled = false
        for _ in 0..<25 where !isSettled {
            var total = Sums()
            for (one, logit) in zip(predictions, logits) {
                total.add(logit: logit, label: one.positive ? 1 : 0, slope: slope, offset: offset)
            }
            guard let step = total.step, step.slope.isFinite, step.offset.isFinite else { return nil }
            slope -= max(-1, min(1, step.slope))
            offset -= max(-2, min(2, step.offset))
            isSettled = abs(step.slope) + abs(step.offset) < 1e-5
        }
        guard isSettled else { return nil }
        self.slope = slope
        for (one, logit) in zip(predictions, logits) {
            if sums.last?.session != Int(one.session) { sums.append((Int(one.session), Sums())) }
            sums[sums.count - 1].sum.add(
                logit: logit, label: one.positive ? 1 : 0, slope: slope, offset: offset)
        }
    }

    func slope(_ window: Bootstrap.Window) -> Double? {
        var total = Sums()
        for (session, sum) in sums where window[session] > 0 { total.add(sum, times: Double(window[session])) }
        return total.step.map { slope - $0.slope }
    }
}
