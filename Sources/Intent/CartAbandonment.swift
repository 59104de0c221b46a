/// The cart-abandonment task of the SIGIR eCom 2021 data challenge: sessions with an add, cut before the purchase, are
/// told apart 0, 2, 4, 6, 8 and 10 events after their first add; micro-F1 at each, weighted 1, 0.9, 0.8, 0.7, 0.6, 0.5.
///
/// Every session gets one of two answers, so micro-F1 is the share of right ones. Where one in five buys, "never" is right
/// four times in five, and hardly a model is better: the figure says little about scores.
public struct CartAbandonment: Codable, Sendable, Equatable {
    public struct Point: Codable, Sendable, Equatable {
        public var eventsAfterAdd: Int
        public var sessions: Int
        public var microF1: Double
        /// Of whoever answers that nobody buys.
        public var never: Double
    }

    /// Those that have sessions.
    public var points: [Point]
    /// Weighted means of the points' figures; the challenge's own score is the weighted sum, 4.5 times as much
    /// where all six have sessions.
    public var microF1: Double
    public var microF1Interval: Interval?
    public var never: Double

    private static let weights = [0: 1.0, 2: 0.9, 4: 0.8, 6: 0.7, 8: 0.6, 10: 0.5]

    /// `nil` where no session has an add.
    init?(_ span: TestSpan, _ scores: [Float], bootstrap: Bootstrap?) {
        let groups = Report.eventsAfterAdd.map { after in
            (after, span.predictions(scores) { number in span.firstAdds[number].map { $0 + after } })
        }.filter { !$0.1.isEmpty }
        guard !groups.isEmpty else { return nil }
        func right(_ one: TestSpan.Prediction) -> Bool { (one.probability >= 0.5) == one.positive }
        points = groups.map { after, predictions in
            Point(
                eventsAfterAdd: after, sessions: predictions.count,
                microF1: Double(predictions.count(where: right)) / Double(predictions.count),
                never: Double(predictions.count { !$0.positive }) / Double(predictions.count))
        }
        func mean(_ figures: [(after: Int, figure: Double)]) -> Double {
            let weighed = figures.map { (Self.weights[$0.after] ?? 0, $0.figure) }
            return weighed.reduce(0) { $0 + $1.0 * $1.1 } / weighed.reduce(0) { $0 + $1.0 }
        }
        microF1 = mean(points.map { ($0.eventsAfterAdd, $0.microF1) })
        never = mean(points.map { ($0.eventsAfterAdd, $0.never) })
        var resampled: [Double?] = []
        bootstrap?.forEach { window in
            let figures = groups.compactMap { after, predictions -> (Int, Double)? in
                var (hits, count) = (0, 0)
                for one in predictions {
                    let weight = Int(window[Int(one.session)])
                    count += weight
                    if right(one) { hits += weight }
                }
                return count > 0 ? (after, Double(hits) / Double(count)) : nil
            }
            resampled.append(figures.isEmpty ? nil : mean(figures))
        }
        microF1Interval = Interval(resampled)
    }
}
