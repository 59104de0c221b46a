import Events
import Sessions

/// The sessions that a report is about, laid flat: every prefix has one place, those of a session next to each other.
struct TestSpan {
    typealias Prediction = (session: Int32, probability: Float, positive: Bool)

    let sessions: [TrainingSession]
    /// Where each session's places begin, and where the last one ends.
    let starts: [Int]
    /// Which event of each session is its first add.
    let firstAdds: [Int?]

    init(_ sessions: [TrainingSession]) {
        self.sessions = sessions
        var starts = [0]
        for session in sessions { starts.append(starts[starts.count - 1] + session.steps.count) }
        self.starts = starts
        firstAdds = sessions.map { session in session.steps.firstIndex { $0.kind == .add } }
    }

    /// What a predictor says at every place.
    func scores(_ predictor: some PrefixPredictor) -> [Float] {
        var scores: [Float] = []
        scores.reserveCapacity(starts[sessions.count])
        for session in sessions { scores += predictor.scores(session) }
        precondition(scores.count == starts[sessions.count], "TestSpan.scores: not one score a prefix")
        return scores
    }

    /// Mean log-loss over all prefixes that the true posterior expects of these scores. Every session brings its own.
    func expectedLoss(_ scores: [Float]) -> Double {
        var sum = 0.0
        for (number, session) in sessions.enumerated() {
            for (step, posterior) in session.posterior.prefix(session.steps.count).enumerated() {
                let score = min(max(Double(scores[starts[number] + step]), 1e-7), 1 - 1e-7)
                sum -= Double(posterior) * PortableMath.log(score)
                sum -= (1 - Double(posterior)) * PortableMath.log(1 - score)
            }
        }
        return sum / Double(max(1, scores.count))
    }

    /// The places that `place` chooses; it is given a session's number and answers with an event's index.
    func predictions(_ scores: [Float], at place: (Int) -> Int?) -> [Prediction] {
        sessions.indices.compactMap { number in
            guard let index = place(number), index < sessions[number].steps.count else { return nil }
            return (Int32(number), scores[starts[number] + index], sessions[number].purchased)
        }
    }

    /// Every place.
    func predictions(_ scores: [Float]) -> [Prediction] {
        var predictions: [Prediction] = []
        predictions.reserveCapacity(scores.count)
        for (number, session) in sessions.enumerated() {
            for place in starts[number]..<starts[number + 1] {
                predictions.append((Int32(number), scores[place], session.purchased))
            }
        }
        return predictions
    }
}
