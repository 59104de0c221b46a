/// Predictions sorted once, and what needs no order summed up by session, so that the figures of any window of sessions
/// cost one pass. The window in which every session stands once gives the figures themselves: there is one definition.
struct RankedPredictions {
    /// What a session's predictions add to the figures that need no order.
    private struct SessionSum {
        var session: Int32
        var positive: Bool
        var predictions = 0.0
        var loss = 0.0
        var brier = 0.0
        var probability = 0.0
    }

    /// Session and label of every prediction, the most probable first: the session's number doubled, plus one where it
    /// bought.
    private var ranks: [Int32] = []
    /// Equal predictions share a place: where each place ends, and its probability.
    private var placeEnds: [Int32] = []
    private var probabilities: [Double] = []
    private var sums: [SessionSum] = []

    private static let bins = 20

    /// - Parameter predictions: those of a session next to each other.
    init(_ predictions: [(session: Int32, probability: Float, positive: Bool)]) {
        for one in predictions {
            if sums.last?.session != one.session {
                sums.append(SessionSum(session: one.session, positive: one.positive))
            }
            let difference = Double(one.probability) - (one.positive ? 1 : 0)
            sums[sums.count - 1].predictions += 1
            sums[sums.count - 1].loss += Metrics.logLoss(one.probability, one.positive)
            sums[sums.count - 1].brier += difference * difference
            sums[sums.count - 1].probability += Double(one.probability)
        }
        let sorted = predictions.sorted { $0.probability > $1.probability }
        ranks.reserveCapacity(sorted.count)
        for (index, one) in sorted.enumerated() {
            ranks.append(one.session * 2 + (one.positive ? 1 : 0))
            if index + 1 == sorted.count || sorted[index + 1].probability != one.probability {
                placeEnds.append(Int32(index + 1))
                probabilities.append(Double(one.probability))
            }
        }
    }

    /// The figures of a window, without slope and intervals.
    func metrics(_ window: Bootstrap.Window) -> Metrics {
        var (count, positives) = (0, 0)
        var (loss, brier, probability) = (0.0, 0.0, 0.0)
        for sum in sums {
            let weight = Double(window[Int(sum.session)])
            count += Int(weight * sum.predictions)
            if sum.positive { positives += Int(weight * sum.predictions) }
            loss += weight * sum.loss
            brier += weight * sum.brier
            probability += weight * sum.probability
        }
        var metrics = Metrics(predictions: count, positives: positives)
        guard positives > 0, positives < count else { return metrics }
        metrics.logLoss = loss / Double(count)
        metrics.brier = brier / Double(count)
        metrics.calibrationRatio = probability / Double(positives)
        rank(window, &metrics)
        return metrics
    }

    /// Both areas, and the calibration error over bins of equal size, in one pass downwards.
    private func rank(_ window: Bootstrap.Window, _ metrics: inout Metrics) {
        let count = metrics.predictions
        let bins = min(Self.bins, count)
        var (truePositives, falsePositives) = (0, 0)
        var (area, precisionSum) = (0.0, 0.0)
        var (bin, error, difference) = (0, 0.0, 0.0)
        var start = 0
        for (place, end) in placeEnds.enumerated() {
            var (hits, misses) = (0, 0)
            for rank in ranks[start..<Int(end)] {
                let weight = Int(window[Int(rank >> 1)])
                if rank & 1 == 1 { hits += weight } else { misses += weight }
            }
            start = Int(end)
            var rest = hits + misses
            guard rest > 0 else { continue }
            let miss = probabilities[place] - Double(hits) / Double(rest)
            var position = truePositives + falsePositives
            while rest > 0 {
                let bound = (bin + 1) * count / bins
                let taken = min(rest, bound - position)
                difference += Double(taken) * miss
                rest -= taken
                position += taken
                if position == bound {
                    error += abs(difference)
                    difference = 0
                    bin += 1
                }
            }
            area += Double(misses) * (Double(truePositives) + Double(hits) / 2)
            truePositives += hits
            falsePositives += misses
            if hits > 0 {
                precisionSum += Double(hits) * Double(truePositives) / Double(truePositives + falsePositives)
            }
        }
        metrics.auc = area / (Double(truePositives) * Double(falsePositives))
        metrics.prAUC = precisionSum / Double(truePositives)
        metrics.ece = error / Double(count)
    }
}
