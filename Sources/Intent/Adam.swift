/// Adam (Kingma, Ba 2015, algorithm 1) with a clipped gradient, a cosine schedule and averaged weights.
struct Adam {
    private let options: TrainingOptions
    private let totalSteps: Int
    private var step = 0
    private var first: [SIMD8<Float>]
    private var second: [SIMD8<Float>]
    private(set) var averaged: Weights

    init(_ weights: Weights, options: TrainingOptions, totalSteps: Int) {
        self.options = options
        self.totalSteps = max(1, totalSteps)
        first = Array(repeating: SIMD8(repeating: 0), count: weights.values.count)
        second = first
        averaged = weights
    }

    /// Moves the weights against a gradient. Returns false where the gradient is no number.
    mutating func update(_ weights: inout Weights, gradient: [SIMD8<Float>]) -> Bool {
        var squares = 0.0
        for block in gradient { squares += Double((block * block).sum()) }
        guard squares.isFinite else { return false }
        let norm = Float(squares.squareRoot())
        let scale = SIMD8<Float>(repeating: norm > options.clip ? options.clip / norm : 1)
        step += 1
        let rate = learningRate()
        let (decay1, decay2): (Float, Float) = (0.9, 0.999)
        let unbias1 = 1 / (1 - Self.power(decay1, step))
        let unbias2 = 1 / (1 - Self.power(decay2, step))
        // Early averages would remember the fresh weights: the decay grows to its place.
        let averaging = min(options.averaging, Float(step) / Float(step + 10))
        for index in gradient.indices {
            let g = gradient[index] * scale
            first[index] = first[index] * decay1 + g * (1 - decay1)
            second[index] = second[index] * decay2 + g * g * (1 - decay2)
            let root = (second[index] * unbias2).squareRoot() + 1e-8
            weights.values[index] -= first[index] * (unbias1 * rate) / root
            averaged.values[index] = averaged.values[index] * averaging + weights.values[index] * (1 - averaging)
        }
        return true
    }

    private func learningRate() -> Float {
        let warmUp = max(1, totalSteps / 20)
        if step <= warmUp { return options.learningRate * Float(step) / Float(warmUp) }
        let share = Double(step - warmUp) / Double(max(1, totalSteps - warmUp))
        let cosine = PortableMath.sinCos(turn: min(share, 1) / 2).cos
        return options.learningRate * Float((1 + cosine) / 2)
    }

    private static func power(_ base: Float, _ exponent: Int) -> Float {
        Float(PortableMath.exp(PortableMath.log(Double(base)) * Double(exponent)))
    }
}
