/// What a model is worth on sessions that nothing in its making has seen, beside what is simpler.
public struct Report: Codable, Sendable, Equatable {
    /// One predictor's figures.
    public struct Row: Codable, Sendable, Equatable {
        public var name: String
        public var overall: Metrics
        public var byPrefix: [Slice]
        public var byEventsAfterAdd: [Slice]
        /// The model's figure less this row's, on the same windows; `nil` in the model's own row.
        public var modelLess: Difference?
        /// (loss of constant − loss) ÷ (loss of constant − loss of truth), where the truth is known.
        public var captured: Estimate?
        /// The same with losses expected under the truth instead of those that came about: without the noise of who
        /// happened to buy.
        public var expectedCaptured: Double?
        public var earliness: [Earliness]?
        public var cartAbandonment: CartAbandonment?
    }

    public struct Slice: Codable, Sendable, Equatable {
        /// The prefix length, or the number of events after the first add.
        public var at: Int
        public var metrics: Metrics
    }

    /// Two predictors on the same sessions.
    public struct Difference: Codable, Sendable, Equatable {
        public var auc: Estimate?
        public var logLoss: Estimate?
    }

    public static let prefixes = [1, 2, 3, 5, 10, 20]
    public static let eventsAfterAdd = [0, 2, 4, 6, 8, 10]

    /// Sessions of the test span, and how many of them bought.
    public var sessions: Int
    public var buyers: Int
    /// `model`, `constant`, `markov`, `logistic`; `like_seed` where asked for, `truth` where the sessions bring it.
    public var rows: [Row]

    public subscript(name: String) -> Row? { rows.first { $0.name == name } }

    /// - Parameters:
    ///   - training: what the baselines are trained on.
    ///   - test: later sessions, not empty.
    package init(
        model: IntentModel, training: [TrainingSession], test: [TrainingSession], options: ReportOptions = .standard
    ) {
        sessions = test.count
        buyers = test.count { $0.purchased }
        let span = TestSpan(test)
        var scores: [(name: String, scores: [Float])] = [
            ("model", span.scores(model)), ("constant", span.scores(ConstantBaseline(training))),
            ("markov", span.scores(MarkovBaseline(training))), ("logistic", span.scores(LogisticBaseline(training))),
        ]
        if let likeSeed = options.likeSeed {
            scores.append(("like_seed", span.scores(LikeSeed(training, options: likeSeed))))
        }
        if test.allSatisfy({ $0.posterior.count >= $0.steps.count }) { scores.append(("truth", span.scores(Truth()))) }
        let bootstrap =
            options.resamples > 0
            ? Bootstrap(sessions: test.count, resamples: options.resamples, seed: options.seed) : nil
        rows = Self.compare(scores.map { Resampled($0.name, span, $0.scores, bootstrap) })
        let expected = scores.last?.name == "truth" ? scores.map { span.expectedLoss($0.scores) } : nil
        for index in rows.indices {
            if let expected, let truth = expected.last, expected[1] > truth {
                rows[index].expectedCaptured = (expected[1] - expected[index]) / (expected[1] - truth)
            }
            rows[index].earliness = Earliness.falseAlarmShares.compactMap {
                Earliness(span, scores[index].scores, falseAlarmsAllowed: $0)
            }
            rows[index].cartAbandonment = CartAbandonment(span, scores[index].scores, bootstrap: bootstrap)
        }
    }

    /// The rows, each beside the model, the constant and the truth.
    private static func compare(_ predictors: [Resampled]) -> [Row] {
        let model = predictors[0]
        let constant = predictors.first { $0.row.name == "constant" }
        let truth = predictors.first { $0.row.name == "truth" }
        return predictors.map { one in
            var row = one.row
            if row.name != "model" {
                row.modelLess = Difference(
                    auc: Estimate(model.auc, one.auc) { $0[0] - $0[1] },
                    logLoss: Estimate(model.logLoss, one.logLoss) { $0[0] - $0[1] })
            }
            if let constant, let truth {
                row.captured = Estimate(constant.logLoss, one.logLoss, truth.logLoss) {
                    $0[0] > $0[2] ? ($0[0] - $0[1]) / ($0[0] - $0[2]) : .nan
                }
            }
            return row
        }
    }

    /// What the truth says of simulated sessions.
    private struct Truth: PrefixPredictor {
        func scores(_ session: TrainingSession) -> [Float] { Array(session.posterior.prefix(session.steps.count)) }
    }
}

/// How a report is made. Equal options on equal sessions give equal reports.
public struct ReportOptions: Sendable, Equatable {
    /// Windows of resampled sessions for the intervals; 0: no intervals.
    public var resamples = 200
    public var seed: UInt64 = 1
    /// Trains `like_seed` too.
    public var likeSeed: LikeSeedOptions?

    public static let standard = ReportOptions()

    public init() {}
}
