/// A training span with some of the sessions that do not buy left out, and what that does to a model's logits.
///
/// One session in a hundred buys. Keeping all buyers and a share s of the others, drawn without looking at anything but
/// the label, multiplies the odds of a purchase by 1/s after every prefix alike. So a model of the sample, with ln s
/// added to its logit, is the model of the whole span: the correction is exact, whatever the model (Prentice, Pyke 1979).
package struct SessionSampling {
    package let sessions: [TrainingSession]
    /// Where each of them stands in the span.
    package let indices: [Int]
    /// What must be added to a logit.
    package let logitOffset: Float

    /// - Parameter share: of the sessions that do not buy, above 0; `nil`: all, and nothing is drawn.
    package init(_ span: [TrainingSession], share: Double?, seed: UInt64) {
        guard let share, share < 1 else {
            sessions = span
            indices = Array(span.indices)
            logitOffset = 0
            return
        }
        precondition(share > 0, "SessionSampling.init: no session that does not buy")
        var random = RandomSource(seed: seed)
        let kept = span.indices.filter { random.uniform() < share || span[$0].purchased }
        sessions = kept.map { span[$0] }
        indices = kept
        // The share that was drawn, not the one that was asked for: the sample's own odds are what a model learns.
        let negatives = span.count { !$0.purchased }
        let drawn = sessions.count { !$0.purchased }
        logitOffset = Float(PortableMath.log(Double(max(1, drawn)) / Double(max(1, negatives))))
    }
}
