extension Calibration {
    /// Fits slope and offset by Newton's method on the log-loss of every prefix, each session weighing by its prefixes,
    /// with Platt's softened targets and a light pull of the slope towards 1, so that a span of few buyers changes little.
    package static func fit(_ sessions: [(logits: [Float], purchased: Bool)]) -> Calibration {
        let positives = sessions.reduce(0) { $0 + ($1.purchased ? $1.logits.count : 0) }
        let negatives = sessions.reduce(0) { $0 + ($1.purchased ? 0 : $1.logits.count) }
        let high = (Double(positives) + 1) / (Double(positives) + 2)
        let low = 1 / (Double(negatives) + 2)
        let pull = 5.0
        var slope = 1.0
        var offset = 0.0
        for _ in 0..<50 {
            // Gradient and Hessian of the penalised loss in (slope, offset).
            var g = (pull * (slope - 1), 0.0)
            var h = (pull, 0.0, 1e-9)
            for session in sessions {
                let target = session.purchased ? high : low
                for logit in session.logits {
                    let x = Double(logit)
                    let p = PortableMath.sigmoid(slope * x + offset)
                    let error = p - target
                    let curvature = p * (1 - p)
                    g = (g.0 + error * x, g.1 + error)
                    h = (h.0 + curvature * x * x, h.1 + curvature * x, h.2 + curvature)
                }
            }
            let determinant = h.0 * h.2 - h.1 * h.1
            guard determinant > 1e-12 else { break }
            let change = ((h.2 * g.0 - h.1 * g.1) / determinant, (h.0 * g.1 - h.1 * g.0) / determinant)
            slope -= max(-1, min(1, change.0))
            offset -= max(-1, min(1, change.1))
            if abs(change.0) + abs(change.1) < 1e-9 { break }
        }
        // A slope that turns scores around is no calibration.
        guard slope > 0.05, slope.isFinite, offset.isFinite else { return .identity }
        return Calibration(slope: Float(slope), offset: Float(offset))
    }
}
