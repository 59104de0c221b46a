/// What predictions are worth. Every prediction counts once.
public struct Metrics: Codable, Sendable, Equatable {
    public var predictions: Int
    /// Predictions whose session bought.
    public var positives: Int
    /// Share of positives.
    public var baseRate: Double
    /// Area under the receiver operating curve; `nil` where one class is missing, as are the next ones.
    public var auc: Double?
    /// Average precision.
    public var prAUC: Double?
    public var logLoss: Double?
    public var brier: Double?
    /// Expected calibration error over twenty bins of equal size. Equal predictions share their mean label, so that
    /// their order decides nothing.
    public var ece: Double?
    /// Mean prediction ÷ base rate.
    public var calibrationRatio: Double?

    public init(_ predictions: [(probability: Float, positive: Bool)]) {
        self.predictions = predictions.count
        positives = predictions.count { $0.positive }
        baseRate = predictions.isEmpty ? 0 : Double(positives) / Double(predictions.count)
        guard positives > 0, positives < predictions.count else { return }
        let sorted = predictions.sorted { $0.probability > $1.probability }
        (auc, prAUC) = Self.ranking(sorted, positives: positives)
        let count = Double(predictions.count)
        logLoss = predictions.reduce(0) { $0 + Self.logLoss($1.probability, $1.positive) } / count
        brier =
            predictions.reduce(0) { sum, one in
                let difference = Double(one.probability) - (one.positive ? 1 : 0)
                return sum + difference * difference
            } / count
        ece = Self.calibrationError(sorted)
        calibrationRatio = predictions.reduce(0) { $0 + Double($1.probability) } / Double(positives)
    }

    static func logLoss(_ probability: Float, _ positive: Bool) -> Double {
        let p = min(max(Double(probability), 1e-7), 1 - 1e-7)
        return -PortableMath.log(positive ? p : 1 - p)
    }

    /// Both areas from predictions sorted downwards; equal predictions share a step.
    private static func ranking(
        _ sorted: [(probability: Float, positive: Bool)], positives: Int
    ) -> (auc: Double, prAUC: Double) {
        let negatives = sorted.count - positives
        var (truePositives, falsePositives) = (0, 0)
        var (area, precisionSum) = (0.0, 0.0)
        var index = 0
        while index < sorted.count {
            var (hits, misses) = (0, 0)
            let probability = sorted[index].probability
            while index < sorted.count, sorted[index].probability == probability {
                if sorted[index].positive { hits += 1 } else { misses += 1 }
                index += 1
            }
            area += Double(misses) * (Double(truePositives) + Double(hits) / 2)
            truePositives += hits
            falsePositives += misses
            precisionSum += Double(hits) * Double(truePositives) / Double(truePositives + falsePositives)
        }
        return (area / (Double(positives) * Double(negatives)), precisionSum / Double(positives))
    }

    private static func calibrationError(_ sorted: [(probability: Float, positive: Bool)]) -> Double {
        let bins = min(20, sorted.count)
        var error = 0.0
        var tie = 0..<0
        var label = 0.0
        for bin in 0..<bins {
            var difference = 0.0
            for index in (bin * sorted.count / bins)..<((bin + 1) * sorted.count / bins) {
                if index >= tie.upperBound {
                    tie =
                        index..<(sorted[index...].firstIndex { $0.probability != sorted[index].probability }
                        ?? sorted.count)
                    label = Double(sorted[tie].count { $0.positive }) / Double(tie.count)
                }
                difference += Double(sorted[index].probability) - label
            }
            error += abs(difference)
        }
        return error / Double(sorted.count)
    }
}
