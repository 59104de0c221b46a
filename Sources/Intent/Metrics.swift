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
    /// Slope of reliability: of the logistic regression of the label on the prediction's logit (Cox 1958). 1 is right,
    /// below it predictions claim too much. `nil` also where all predictions are equal, and in slices.
    public var slope: Double?
    /// 95 %, sessions resampled; `nil` where nothing was resampled.
    public var intervals: Intervals?

    /// The 95 % intervals of the figures of the same name.
    public struct Intervals: Codable, Sendable, Equatable {
        public var auc: Interval?
        public var prAUC: Interval?
        public var logLoss: Interval?
        public var brier: Interval?
        public var ece: Interval?
        public var calibrationRatio: Interval?
        public var slope: Interval?
    }

    init(predictions: Int, positives: Int) {
        self.predictions = predictions
        self.positives = positives
        baseRate = predictions == 0 ? 0 : Double(positives) / Double(predictions)
    }

    /// Figures without slope and intervals, of predictions that each stand for themselves.
    public init(_ predictions: [(probability: Float, positive: Bool)]) {
        self =
            RankedPredictions(
                predictions.enumerated().map { (Int32($0), $1.probability, $1.positive) }
            ).metrics(Bootstrap.whole(predictions.count))
    }

    static func logLoss(_ probability: Float, _ positive: Bool) -> Double {
        let p = min(max(Double(probability), 1e-7), 1 - 1e-7)
        return -PortableMath.log(positive ? p : 1 - p)
    }
}
