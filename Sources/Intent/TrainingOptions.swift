/// How a model is trained. Equal options on equal sessions give equal bits.
public struct TrainingOptions: Sendable, Codable, Equatable {
    public var hiddenSize = 32
    public var seed: UInt64 = 1
    public var epochs = 14
    /// Sessions a gradient step.
    public var batch = 128
    /// Peak of the learning rate: reached after a twentieth of the steps, then a cosine to zero.
    public var learningRate: Float = 0.004
    /// What of a step's target is the outcome rather than what the network says after later steps (TD(λ)): 1 is the
    /// outcome alone.
    public var lambda: Float = 0.7
    /// Largest norm of a gradient.
    public var clip: Float = 1
    /// Share of itself, times the learning rate and divided by the square root of the number of gradient steps, that a
    /// weight loses at every one of them; biases lose nothing.
    public var weightDecay: Float = 6
    /// Decay of the averaged weights, which are the model's.
    public var averaging: Float = 0.99
    /// Epochs without a better validation loss after which training ends.
    public var patience = 8
    /// Steps of a session that training looks at: the first ones.
    public var maxSteps = 256
    /// Share of the sessions without a purchase that the weights are fitted to, corrected for exactly; `nil`: all.
    /// Product statistics, calibration and report always see all.
    public var negatives: Double?

    /// What a hidden vector may have.
    public static let hiddenSizes = 1...1_024

    public init() {}

    /// Options that a model file does not name are those of the program that wrote it: `weightDecay` was then none, and
    /// `lambda` 1.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        hiddenSize = try container.decode(Int.self, forKey: .hiddenSize)
        seed = try container.decode(UInt64.self, forKey: .seed)
        epochs = try container.decode(Int.self, forKey: .epochs)
        batch = try container.decode(Int.self, forKey: .batch)
        learningRate = try container.decode(Float.self, forKey: .learningRate)
        lambda = try container.decodeIfPresent(Float.self, forKey: .lambda) ?? 1
        clip = try container.decode(Float.self, forKey: .clip)
        weightDecay = try container.decodeIfPresent(Float.self, forKey: .weightDecay) ?? 0
        averaging = try container.decode(Float.self, forKey: .averaging)
        patience = try container.decode(Int.self, forKey: .patience)
        maxSteps = try container.decode(Int.self, forKey: .maxSteps)
    }

    /// - Throws: `.invalidOption`, naming it.
    func check() throws(TrainingError) {
        func require(_ valid: Bool, _ text: String) throws(TrainingError) {
            guard valid else { throw .invalidOption(text) }
        }
        try require(Self.hiddenSizes.contains(hiddenSize), "hiddenSize must be 1 to 1024")
        try require(epochs > 0, "epochs must be above 0")
        try require(batch > 0, "batch must be above 0")
        try require(learningRate > 0 && learningRate < 1, "learningRate must lie between 0 and 1")
        try require((0...1).contains(lambda), "lambda must lie from 0 to 1")
        try require(clip > 0, "clip must be above 0")
        try require((0...100).contains(weightDecay), "weightDecay must lie from 0 to 100")
        try require((0..<1).contains(averaging), "averaging must be from 0 up to 1")
        try require(patience > 0, "patience must be above 0")
        try require(maxSteps > 0, "maxSteps must be above 0")
        try require(negatives.map { $0 > 0 && $0 <= 1 } ?? true, "negatives must lie between 0 and 1")
    }
}

/// Why no model came of it.
public enum TrainingError: Error, Equatable, CustomStringConvertible {
    case invalidOption(String)
    /// A span has too little of something.
    case notEnough(what: String, have: Int, need: Int)
    /// The loss is no number any more.
    case diverged(epoch: Int, batch: Int)

    public var description: String {
        switch self {
        case .invalidOption(let text): text
        case .notEnough(let what, let have, let need):
            "not enough data: \(have) \(what), at least \(need) are needed"
        case .diverged(let epoch, let batch):
            "the loss is no number at epoch \(epoch), batch \(batch): try a smaller learning rate"
        }
    }
}

/// How far training has come.
public struct TrainingProgress: Sendable, Equatable {
    public var epoch: Int
    public var epochs: Int
    /// Events seen in this epoch, and of how many.
    public var events: Int
    public var totalEvents: Int
    /// Mean log-loss over the prefixes of this epoch so far.
    public var loss: Double
    /// The same on the validation span after the last whole epoch.
    public var validationLoss: Double?
}
