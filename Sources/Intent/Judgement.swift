/// When a challenger takes over. The defaults are those of a gate that resisted noise in reference experiments; see
/// docs/retraining.md.
public struct JudgementRules: Sendable, Codable, Equatable {
    public var minSessions = 600
    public var minBuyers = 150
    /// Least relative gain in log-loss: repeated tries would otherwise promote by luck.
    public var minGain = 0.002
    /// Largest loss of AUC over all prefixes, and at prefixes 1, 5 and 10.
    public var maxAUCLoss = 0.005
    public var maxAUCLossAtPrefix = 0.02
    /// Largest calibration error, and largest |mean score ÷ base rate − 1|, both less what a calibrated model would show
    /// by chance on as few sessions.
    public var maxECE = 0.02
    public var maxBias = 0.15
    /// Resampled windows for the bound on the gain, at least 1.
    public var resamples = 1_000
    public var seed: UInt64 = 1

    public init() {}
}

/// Whether a challenger is promoted, and why.
public struct Verdict: Codable, Sendable, Equatable {
    public var promote: Bool
    /// One sentence with the figures that decided.
    public var reason: String
    /// Sessions judged on, and how many of them bought.
    public var sessions: Int
    public var buyers: Int
    public var challenger: Metrics?
    /// The champion's figures, or those of a constant where there is none.
    public var champion: Metrics?
    /// Log-loss of challenger less champion, per session's mean prefix; below 0 the challenger is better.
    public var difference: Double?
    /// One-sided 95 % bound of `difference`, resampled by session.
    public var upperBound: Double?
}

/// The comparison of two models on sessions that neither has seen, paired by session.
public enum Judgement {
    public static func judge(
        challenger: IntentModel, champion: IntentModel?, sessions: [TrainingSession],
        rules: JudgementRules = JudgementRules()
    ) -> Verdict {
        let buyers = sessions.count { $0.purchased }
        func kept(_ reason: String) -> Verdict {
            Verdict(promote: false, reason: reason, sessions: sessions.count, buyers: buyers)
        }
        precondition(rules.resamples > 0, "Judgement.judge: a bound from no resampled window")
        guard sessions.count >= max(1, rules.minSessions), buyers >= max(1, rules.minBuyers) else {
            return kept(
                "only \(sessions.count) unseen sessions with \(buyers) buyers, \(rules.minSessions) with \(rules.minBuyers) are needed"
            )
        }
        guard buyers < sessions.count else { return kept("every unseen session bought: nothing can be told apart") }
        // Without a champion the rival is the best constant there is: one that knows the window.
        let rival: any PrefixPredictor = champion ?? ConstantBaseline(sessions: sessions)
        let ours = Predictions(challenger, sessions)
        let theirs = Predictions(rival, sessions)
        let differences = zip(ours.losses, theirs.losses).map { $0 - $1 }
        let mean = differences.reduce(0, +) / Double(differences.count)
        let bound = upperBound(differences, rules: rules)
        let rivalLoss = theirs.losses.reduce(0, +) / Double(theirs.losses.count)
        let failure = failure(
            ours, theirs, mean: mean, bound: bound, rivalLoss: rivalLoss, isFirst: champion == nil, rules)
        let gain = Report.fixed(-mean / rivalLoss * 100)
        let name = champion == nil ? "a constant" : "the champion"
        return Verdict(
            promote: failure == nil,
            reason: failure
                ?? "log-loss is \(gain) % better than \(name)'s on \(sessions.count) unseen sessions with \(buyers) buyers",
            sessions: sessions.count, buyers: buyers, challenger: ours.overall, champion: theirs.overall,
            difference: mean, upperBound: bound)
    }

    private static func failure(
        _ ours: Predictions, _ theirs: Predictions, mean: Double, bound: Double, rivalLoss: Double, isFirst: Bool,
        _ rules: JudgementRules
    ) -> String? {
        let name = isFirst ? "a constant" : "the champion"
        guard bound < 0 else {
            return
                "not surely better than \(name): log-loss difference \(Report.fixed(mean)), 95 % bound \(Report.fixed(bound))"
        }
        guard -mean / rivalLoss >= rules.minGain else {
            return
                "the gain of \(Report.fixed(-mean / rivalLoss * 100)) % is below \(Report.fixed(rules.minGain * 100)) %"
        }
        let error = CalibrationError.beyondChance(ours.all, bins: 20)
        if error > rules.maxECE {
            return "calibration error is \(Report.fixed(error)) above chance, \(Report.fixed(rules.maxECE)) is allowed"
        }
        if let ratio = ours.overall.calibrationRatio,
            CalibrationError.beyondChance(ours.all, bins: 1) > rules.maxBias * ours.overall.baseRate
        {
            return "the mean score is \(Report.fixed(ratio)) times the base rate"
        }
        guard !isFirst else { return nil }
        if let auc = ours.overall.auc, let rival = theirs.overall.auc, auc < rival - rules.maxAUCLoss {
            return "AUC falls from \(Report.fixed(rival)) to \(Report.fixed(auc))"
        }
        for prefix in [1, 5, 10] {
            guard let auc = ours.metrics(at: prefix).auc, let rival = theirs.metrics(at: prefix).auc else { continue }
            if auc < rival - rules.maxAUCLossAtPrefix {
                return "AUC at prefix \(prefix) falls from \(Report.fixed(rival)) to \(Report.fixed(auc))"
            }
        }
        return nil
    }

    /// The 95th percentile of the mean difference over windows of sessions drawn with replacement.
    private static func upperBound(_ differences: [Double], rules: JudgementRules) -> Double {
        var random = RandomSource(seed: rules.seed)
        let means = (0..<rules.resamples).map { _ in
            var sum = 0.0
            for _ in differences.indices { sum += differences[random.below(differences.count)] }
            return sum / Double(differences.count)
        }.sorted()
        return means[min(means.count - 1, Int(Double(means.count) * 0.95))]
    }

    private struct Predictions {
        /// By session: the mean loss over its prefixes.
        var losses: [Double] = []
        var overall: Metrics
        private(set) var all: [CalibrationError.Prediction] = []
        private var indices: [Int] = []

        init(_ predictor: any PrefixPredictor, _ sessions: [TrainingSession]) {
            for (number, session) in sessions.enumerated() {
                let scores = predictor.scores(session)
                losses.append(
                    scores.reduce(0) { $0 + Metrics.logLoss($1, session.purchased) } / Double(max(1, scores.count)))
                for (index, score) in scores.enumerated() {
                    all.append((number, score, session.purchased))
                    indices.append(index)
                }
            }
            overall = Metrics(all.map { ($0.probability, $0.positive) })
        }

        func metrics(at prefix: Int) -> Metrics {
            Metrics(zip(all, indices).filter { $0.1 == prefix - 1 }.map { ($0.0.probability, $0.0.positive) })
        }
    }
}
