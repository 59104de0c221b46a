import Events
import Intent
import Sessions
import Testing

struct GradientTests {
    private static let encoder = Encoder(
        pages: [1, 2], products: [7: Encoder.Product(popularity: 0.4, conversion: 0.2, adding: -0.3)])

    /// Back-propagation against the slope of the loss itself, measured on both sides, for every part of the weights: along
    /// the gradient, and along random directions.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func theGradientIsTheSlopeOfTheLoss(seed: UInt64) throws {
        let shape = Weights.Shape(hiddenSize: 5)
        var random = RandomSource(seed: seed)
        let weights = Weights(shape: shape, baseRate: 0.2, random: &random)
        let sessions = EncodedSessions(
            [
                Examples.session(
                    [.pageview, .detail, .add, .remove, .search, .detail], purchased: seed % 2 == 0, sku: 7),
                Examples.session([.pageview, .click, .detail], purchased: true, sku: 8, gap_ms: 90_000),
                Examples.session([.detail], purchased: false, sku: 7),
            ], encoder: Self.encoder)
        let analytic = Backpropagation(shape)
        _ = analytic.add(sessions, [0, 1, 2], weight: 0.5, lambda: 1, network: Network(weights))

        func loss(_ weights: Weights) -> Double {
            Backpropagation(shape).add(sessions, [0, 1, 2], weight: 0.5, lambda: 1, network: Network(weights))
        }
        func slope(along direction: [SIMD8<Float>], step: Float) -> Double {
            var (up, down) = (weights, weights)
            for index in direction.indices {
                up.values[index] += direction[index] * step
                down.values[index] -= direction[index] * step
            }
            return (loss(up) - loss(down)) / Double(2 * step)
        }
        let gradient = analytic.gradient
        func product(_ direction: [SIMD8<Float>]) -> Double {
            zip(direction, gradient).reduce(0) { $0 + Double(($1.0 * $1.1).sum()) }
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
            for index in part.range { own[index] = gradient[index] }
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
            for lane in 0..<8 where isPadding(index, lane) { #expect(gradient[index][lane] == 0) }
        }
    }

    /// The bound between training and scoring is 0: the batched step and the single one give the same bits.
    @Test(arguments: [1, 2, 3, 4] as [UInt64], BatchKernels.allCases)
    func trainingSeesTheBitsThatScore(seed: UInt64, kernels: BatchKernels) {
        var random = RandomSource(seed: seed)
        for hiddenSize in [1, 5, 8, 13, 32, 40] {
            let model = Examples.untrained(hiddenSize: hiddenSize, seed: seed)
            let sessions = Examples.random(count: 23, &random)
            let logits = Backpropagation(model.weights.shape, kernels: kernels).logits(
                EncodedSessions(sessions, encoder: model.encoder), Examples.longestFirst(sessions),
                network: Network(model.weights))
            for (place, session) in Examples.longestFirst(sessions).enumerated() {
                #expect(
                    logits[place].map(\.bitPattern) == model.logits(sessions[Int(session)]).map(\.bitPattern),
                    "hidden \(hiddenSize), seed \(seed)")
            }
        }
    }

    /// The C kernels and their Swift twin, to the bit.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func everyKernelGivesTheSameGradient(seed: UInt64) {
        var random = RandomSource(seed: seed)
        for hiddenSize in [1, 5, 8, 16, 24, 32, 64] {
            let model = Examples.untrained(hiddenSize: hiddenSize, seed: seed)
            let sessions = Examples.random(count: 17, &random)
            let encoded = EncodedSessions(sessions, encoder: model.encoder)
            let gradients = BatchKernels.allCases.map { kernels in
                let pass = Backpropagation(model.weights.shape, kernels: kernels)
                // Twice, the second time over used memory and a gradient that is not empty.
                for _ in 0..<2 {
                    _ = pass.add(
                        encoded, Examples.longestFirst(sessions), weight: 0.1, lambda: 0.7,
                        network: Network(model.weights))
                }
                return pass.gradient
            }
            #expect(gradients.allSatisfy { $0 == gradients[0] }, "hidden \(hiddenSize), seed \(seed)")
        }
    }

    /// A session's part in the gradient does not depend on its company, but for rounding.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func aBucketIsTheSumOfItsSessions(seed: UInt64) {
        var random = RandomSource(seed: seed)
        let model = Examples.untrained(hiddenSize: 13, seed: seed)
        let sessions = Examples.random(count: 16, &random)
        let encoded = EncodedSessions(sessions, encoder: model.encoder)
        let network = Network(model.weights)
        let together = Backpropagation(model.weights.shape)
        let loss = together.add(encoded, Examples.longestFirst(sessions), weight: 1, lambda: 0.7, network: network)
        let alone = Backpropagation(model.weights.shape)
        var sum = 0.0
        for session in 0..<Int32(sessions.count) {
            sum += alone.add(encoded, [session], weight: 1, lambda: 0.7, network: network)
        }
        #expect(abs(loss - sum) < 1e-9 * abs(sum), "seed \(seed)")
        let difference = zip(together.gradient, alone.gradient).map { abs(($0 - $1).sum()) }.max() ?? 0
        #expect(difference < 1e-4, "seed \(seed)")
    }

    @Test func theLossIsThatOfTheScoredLogits() {
        var random = RandomSource(seed: 3)
        let model = Examples.untrained(hiddenSize: 9, seed: 3)
        for session in Examples.random(count: 30, &random) {
            let loss = Backpropagation(model.weights.shape).loss(
                EncodedSessions([session], encoder: model.encoder), [0], network: Network(model.weights))
            let losses = model.logits(session).map { logit in
                let probability = PortableMath.sigmoid(Double(logit))
                return -PortableMath.log(session.purchased ? probability : 1 - probability)
            }
            #expect(abs(loss - losses.reduce(0, +)) < 1e-5)
        }
    }

    /// The head's bias gathers what every step misses its target by.
    @Test(arguments: [0, 0.3, 1] as [Float])
    func aStepAimsAtTheOutcomeAndAtTheStepsAfterIt(lambda: Float) {
        var random = RandomSource(seed: 4)
        let model = Examples.untrained(hiddenSize: 9, seed: 4)
        for session in Examples.random(count: 30, &random) {
            let pass = Backpropagation(model.weights.shape)
            _ = pass.add(
                EncodedSessions([session], encoder: model.encoder), [0], weight: 1, lambda: lambda,
                network: Network(model.weights))
            let probabilities = model.logits(session).map { PortableMath.sigmoid(Double($0)) }
            // Forwards, as the mixture is defined; the product goes backwards.
            let missed = probabilities.indices.map { index in
                var (share, target) = (1.0, 0.0)
                for later in probabilities[(index + 1)...] {
                    target += share * Double(1 - lambda) * later
                    share *= Double(lambda)
                }
                target += session.purchased ? share : 0
                return probabilities[index] - target
            }
            let gradient = Double(pass.gradient[model.weights.shape.headBias][0])
            #expect(abs(gradient - missed.reduce(0, +)) < 1e-4, "\(session.steps.count) steps")
        }
    }

    @Test(arguments: [Float.nan, .infinity])
    func weightsThatAreNoNumbersGiveALossThatIsNone(bad: Float) {
        let model = Examples.untrained()
        var weights = model.weights
        weights.values[model.weights.shape.headBias][0] = bad
        let sessions = EncodedSessions([Examples.session([.pageview, .add], purchased: true)], encoder: model.encoder)
        #expect(
            Backpropagation(weights.shape).add(sessions, [0], weight: 1, lambda: 0.7, network: Network(weights)).isNaN)
    }
}
