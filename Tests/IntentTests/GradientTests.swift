import Events
import Intent
import Sessions
import Testing

struct GradientTests {
    /// Back-propagation against the slope of the loss itself, measured on both sides, for every part of the weights: along
    /// the gradient, and along random directions.
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
        // Only places that stand for a unit: the padding of a block has neither weight nor gradient.
        func drawn(_ part: Range<Int>) -> [SIMD8<Float>] {
            var direction = zero
            for index in part {
                for lane in 0..<8 {
                    guard !isPadding(index, lane) else { continue }
                    direction[index][lane] = Float.random(in: -1...1, using: &random)
                }
            }
            return direction
        }
        func isPadding(_ index: Int, _ lane: Int) -> Bool {
            index == shape.headBias ? lane > 0 : lane >= shape.hiddenSize
        }
        let parts: [(name: String, range: Range<Int>)] = [
            ("inputs", 0..<shape.recurrent), ("recurrent", shape.recurrent..<shape.bias),
            ("bias", shape.bias..<shape.recurrentBias), ("recurrent bias", shape.recurrentBias..<shape.head),
            ("head", shape.head..<shape.headBias), ("head bias", shape.headBias..<shape.count),
            ("all", 0..<shape.count),
        ]
        for part in parts {
            // Along the gradient itself the slope is its length: nothing missing, nothing too much.
            var own = zero
            for index in part.range { own[index] = analytic.gradient[index] }
            let length = product(own).squareRoot()
            #expect(length > 1e-3, "\(part.name) has no gradient, seed \(seed)")
            let unit = own.map { $0 / Float(length) }
            let along = slope(along: unit, step: 1e-2)
            #expect(abs(along - length) < 0.01 * length + 1e-4, "\(part.name), seed \(seed)")
            for _ in 0..<5 {
                let direction = drawn(part.range)
                let expected = slope(along: direction, step: 2e-3)
                #expect(abs(product(direction) - expected) < 0.01 * abs(expected) + 5e-4, "\(part.name), seed \(seed)")
            }
        }
        for index in weights.values.indices {
            for lane in 0..<8 where isPadding(index, lane) { #expect(analytic.gradient[index][lane] == 0) }
        }
    }

    /// Training and scoring run the same forward step: its loss is that of the scored logits.
    @Test func theLossOfTrainingIsTheLossOfScoring() {
        for seed in 1...5 {
            let model = Examples.untrained(hiddenSize: 8 + seed, seed: UInt64(seed))
            let session = Examples.session(
                [.pageview, .detail, .add, .search, .detail, .click], purchased: seed % 2 == 0, sku: 7)
            var backpropagation = Backpropagation(model.weights.shape)
            let loss = backpropagation.add(
                session.steps.map { model.encoder.encode($0) }[...], purchased: session.purchased, weight: 1,
                weights: model.weights)
            let losses = model.logits(session).map {
                Backpropagation.loss(logit: Double($0), purchased: session.purchased)
            }
            #expect(abs(loss - losses.reduce(0, +) / Double(losses.count)) < 1e-7, "seed \(seed)")
        }
    }

    @Test func anInfiniteLogitHasNoLoss() {
        for logit in [Double.nan, .infinity, -.infinity] {
            #expect(Backpropagation.loss(logit: logit, purchased: true).isNaN)
        }
        #expect(Backpropagation.loss(logit: 800, purchased: false) == 800)
    }

    @Test func weightsThatAreNoNumbersGiveALossThatIsNone() {
        let model = Examples.untrained()
        var weights = model.weights
        weights.values[model.weights.shape.bias][0] = .nan
        var backpropagation = Backpropagation(weights.shape)
        let inputs = Examples.session([.pageview, .add], purchased: true).steps.map { model.encoder.encode($0) }
        #expect(backpropagation.add(inputs[...], purchased: true, weight: 1, weights: weights).isNaN)
    }
}
