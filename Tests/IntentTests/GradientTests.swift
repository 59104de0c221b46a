import Events
import Intent
import Sessions
import Testing

struct GradientTests {
    /// Back-propagation against the slope of the loss itself, along random directions through all weights at once and
    /// along single weights of every part.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func theGradientIsTheSlopeOfTheLoss(seed: UInt64) throws {
        let shape = Weights.Shape(hiddenSize: 5)
        var random = RandomSource(seed: seed)
        let weights = Weights(shape: shape, baseRate: 0.2, random: &random)
        let encoder = Encoder(pages: [1, 2], products: [7: .unseen])
        let session = Examples.session(
            [.pageview, .detail, .add, .remove, .search, .detail], purchased: seed % 2 == 0, sku: 7)
        let inputs = session.steps.map { encoder.encode($0) }
        var analytic = Backpropagation(shape)
        _ = analytic.add(inputs[...], purchased: session.purchased, weight: 1, weights: weights)

        func loss(_ weights: Weights) -> Double {
            var backpropagation = Backpropagation(shape)
            return backpropagation.add(inputs[...], purchased: session.purchased, weight: 1, weights: weights)
        }
        func slope(along direction: [SIMD8<Float>], step: Float) -> Double {
            var (up, down) = (weights, weights)
            for index in direction.indices {
                up.values[index] += direction[index] * step
                down.values[index] -= direction[index] * step
            }
            return (loss(up) - loss(down)) / Double(2 * step)
        }
        func product(_ direction: [SIMD8<Float>]) -> Double {
            zip(direction, analytic.gradient).reduce(0) { $0 + Double(($1.0 * $1.1).sum()) }
        }
        let zero = [SIMD8<Float>](repeating: SIMD8(repeating: 0), count: shape.count)
        var isMoved = false
        for _ in 0..<20 {
            // Only places that stand for a unit: the padding of a block has neither weight nor gradient.
            let direction = zip(zero, weights.values).map { zero, value in
                var block = zero
                for lane in 0..<8 where value[lane] != 0 { block[lane] = Float.random(in: -1...1, using: &random) }
                return block
            }
            let expected = slope(along: direction, step: 1e-3)
            #expect(abs(product(direction) - expected) < 2e-3 * max(1, abs(expected)), "seed \(seed)")
            isMoved = isMoved || abs(expected) > 1e-3
        }
        #expect(isMoved)
        for part in [shape.recurrent, shape.bias, shape.recurrentBias, shape.head, shape.headBias, 0] {
            var direction = zero
            direction[part][0] = 1
            let expected = slope(along: direction, step: 4e-3)
            #expect(abs(product(direction) - expected) < 1e-3, "part at \(part), seed \(seed)")
        }
    }
}
