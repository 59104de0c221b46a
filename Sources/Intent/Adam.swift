/// AdamW (Loshchilov, Hutter 2019, algorithm 2; without decay Kingma, Ba 2015) with a clipped gradient, a cosine schedule
/// and averaged weights.
struct Adam {
    private typealias Block = SIMD8<Float>

    private let options: TrainingOptions
    private let totalSteps: Int
    /// The more steps, the less each takes (normalised as in the same paper), so that one option serves few sessions
    /// and many.
    private let decay: Float
    private var step = 0
    private var first: [SIMD8<Float>]
    private var second: [SIMD8<Float>]
    private(set) var averaged: Weights
    /// Biases stay: how seldom a session buys is no complication.
    private let biases: [Range<Int>]

    init(_ weights: Weights, options: TrainingOptions, totalSteps: Int) {
        self.options = options
        self.totalSteps = max(1, totalSteps)
        decay = options.weightDecay / Float(self.totalSteps).squareRoot()
        first = Array(repeating: SIMD8(repeating: 0), count: weights.values.count)
        second = first
        averaged = weights
        biases = [weights.shape.bias..<weights.shape.head, weights.shape.headBias..<weights.shape.count]
    }

    /// Moves the weights against the sum of the shards' gradients, which are cleared. Returns false, and moves nothing,
    /// where that sum is no number.
    mutating func update(_ network: borrowing Network, shards: [UnsafeMutablePointer<SIMD8<Float>>]) -> Bool {
        let sum = shards[0]
        var squares = Block(repeating: 0)
        for index in first.indices {
            var block = sum[index]
            for shard in shards.dropFirst() {
                block += shard[index]
                shard[index] = Block(repeating: 0)
            }
            sum[index] = block
            squares += block * block
        }
        let norm = squares.sum().squareRoot()
        guard norm.isFinite else { return false }
        let scale = Block(repeating: norm > options.clip ? options.clip / norm : 1)
        step += 1
        let rate = learningRate()
        let (decay1, decay2): (Float, Float) = (0.9, 0.999)
        let unbias1 = 1 / (1 - Self.power(decay1, step))
        let unbias2 = 1 / (1 - Self.power(decay2, step))
        let kept = Block(repeating: max(0, 1 - rate * decay))
        // Early averages would remember the fresh weights: the decay grows to its place.
        let averaging = min(options.averaging, Float(step) / Float(step + 10))
        let weights = network.blocks
        for index in first.indices {
            let g = sum[index] * scale
            sum[index] = Block(repeating: 0)
            let m = first[index] * decay1 + g * (1 - decay1)
            let v = second[index] * decay2 + g * g * (1 - decay2)
            first[index] = m
            second[index] = v
            let shrink = biases.contains { $0.contains(index) } ? Block(repeating: 1) : kept
            let moved = weights[index] * shrink - m * (unbias1 * rate) / ((v * unbias2).squareRoot() + 1e-8)
            weights[index] = moved
            averaged.values[index] = averaged.values[index] * averaging + moved * (1 - averaging)
        }
        network.transpose()
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
