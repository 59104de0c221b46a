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

/// One hidden vector and the scratch memory of a step.
///
/// The step is that of training with one session in the batch: the same kernels, for the widest vectors that the
/// processor has. All of them give the same bits, so a score does not depend on the machine.
struct StepRunner: Sendable {
    let weights: Weights
    var hidden: [SIMD8<Float>]
    private let kernels: BatchKernels
    private var shape: gru_shape
    /// What the inputs add, the recurrent row, and the tape that only training reads.
    private var scratch: [SIMD8<Float>]

    init(_ weights: Weights, kernels: BatchKernels = .fastest) {
        self.weights = weights
        self.kernels = kernels
        shape = weights.shape.forKernels
        hidden = Array(repeating: SIMD8(repeating: 0), count: weights.shape.blocks)
        let tape = 5 * weights.shape.blocks
        scratch = Array(repeating: SIMD8(repeating: 0), count: 2 * weights.shape.row + tape)
    }

    mutating func reset() { for index in hidden.indices { hidden[index] = SIMD8(repeating: 0) } }

    /// Takes one step and gives its logit.
    mutating func step(_ input: Encoder.Input) -> Float {
        let row = weights.shape.row
        let table = kernels.table
        var logit: Float = 0
        weights.values.withUnsafeBytes { weights in
            hidden.withUnsafeMutableBytes { hidden in
                scratch.withUnsafeMutableBytes { scratch in
                    withUnsafeBytes(of: input.rows) { rows in
                        withUnsafeBytes(of: input.numbers) { numbers in
                            guard let weights = weights.baseAddress?.assumingMemoryBound(to: Float.self),
                                let hidden = hidden.baseAddress?.assumingMemoryBound(to: Float.self),
                                let sums = scratch.baseAddress?.assumingMemoryBound(to: Float.self),
                                let rows = rows.baseAddress?.assumingMemoryBound(to: UInt16.self),
                                let numbers = numbers.baseAddress?.assumingMemoryBound(to: Float.self)
                            else { preconditionFailure("StepRunner.step: a network without units") }
                            table.inputs(&shape, weights, rows, numbers, 1, sums)
                            // h' takes the place of h block by block, after all of h has been multiplied.
                            table.forward(
                                &shape, weights, sums, hidden, 1, sums + 8 * row, sums + 16 * row, hidden, &logit)
                        }
                    }
                }
            }
        }
        return logit
    }
}
