import CGRU

/// What a model is besides its numbers.
public struct ModelMetadata: Sendable, Equatable, Codable {
    /// Own time of the first event of the first session used, milliseconds since the epoch.
    public var trainedFrom: Int64
    /// Own time of the first event of the last session used in training, early stopping or calibration: what starts
    /// later is unseen.
    public var trainedThrough: Int64
    /// Training sessions, and how many of them bought.
    public var sessions: Int
    public var buyers: Int
    public var options: TrainingOptions

    public init(trainedFrom: Int64, trainedThrough: Int64, sessions: Int, buyers: Int, options: TrainingOptions) {
        self.trainedFrom = trainedFrom
        self.trainedThrough = trainedThrough
        self.sessions = sessions
        self.buyers = buyers
        self.options = options
    }
}

/// Platt's calibration: P = σ(slope · logit + offset) (Platt 1999).
public struct Calibration: Sendable, Equatable, Codable {
    public var slope: Float
    public var offset: Float

    public static let identity = Calibration(slope: 1, offset: 0)

    public init(slope: Float, offset: Float) {
        self.slope = slope
        self.offset = offset
    }

    /// The calibrated probability of a logit.
    @inline(__always)
    func probability(_ logit: Float) -> Float {
        PortableMath.sigmoid(SIMD8(repeating: slope * logit + offset))[0]
    }
}

/// A trained model: encoder, network and calibration. Scores one step at a time, with the same bits on every machine.
public struct IntentModel: Sendable, Equatable {
    public let encoder: Encoder
    public let calibration: Calibration
    public let metadata: ModelMetadata
    package let weights: Weights

    public var hiddenSize: Int { weights.shape.hiddenSize }

    package init(encoder: Encoder, weights: Weights, calibration: Calibration, metadata: ModelMetadata) {
        self.encoder = encoder
        self.weights = weights
        self.calibration = calibration
        self.metadata = metadata
    }

    /// The uncalibrated logit after every step of a session.
    package func logits(_ session: TrainingSession) -> [Float] {
        var runner = StepRunner(weights)
        return session.steps.map { runner.step(encoder.encode($0)) }
    }

    /// P(a purchase later) after every step of a session: the single step, as live.
    public func scores(_ session: TrainingSession) -> [Float] {
        logits(session).map { calibration.probability($0) }
    }
}
