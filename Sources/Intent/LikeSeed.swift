import Events
import Sessions

/// How the comparison with a plain LSTM is made.
public struct LikeSeedOptions: Sendable, Equatable {
    /// A multiple of eight.
    public var hiddenSize = 48
    public var batch = 128
    public var learningRate: Float = 1e-3
    public var epochs = 20
    /// Epochs without a better validation loss after which training ends.
    public var patience = 3
    public var seed: UInt64 = 1

    public init() {}
}

/// What many shops start from: kinds of events, one-hot, into an LSTM and a sigmoid, trained by Adam on whole sessions
/// with an add, cut before the purchase, with the loss at their last event. In a report it scores what the model scores:
/// every prefix of every session.
///
/// It has never seen a session without an add, nor had to answer early: on live prefixes its probabilities are wrong, not
/// just less sharp. That is what the row is there to show.
struct LikeSeed: PrefixPredictor {
    private var network: KindLSTM
    /// Events of a session that count: the last ones.
    private static let maxSteps = 256

    /// - Parameter training: by time; the last tenth of those with an add ends training early. Where they are all of one
    ///   class the network stays as it was drawn.
    init(_ training: [TrainingSession], options: LikeSeedOptions) {
        var random = RandomSource(seed: options.seed)
        network = KindLSTM(hiddenSize: options.hiddenSize, random: &random)
        let examples = training.filter { session in session.steps.contains { $0.kind == .add } }
            .map { (kinds: $0.steps.suffix(Self.maxSteps).map(\.kind), purchased: $0.purchased) }
        guard Set(examples.map(\.purchased)).count == 2 else { return }
        let cut = max(1, examples.count * 9 / 10)
        var order = Array(0..<cut)
        var adam = PlainAdam(count: network.values.count, rate: options.learningRate)
        var best = (network: network, loss: Double.infinity, epoch: 0)
        for epoch in 1...max(1, options.epochs) {
            order.shuffle(using: &random)
            for start in stride(from: 0, to: order.count, by: options.batch) {
                let members = order[start..<min(start + options.batch, order.count)]
                var gradient = [SIMD8<Float>](repeating: SIMD8(repeating: 0), count: network.values.count)
                for member in members {
                    _ = network.addGradient(
                        examples[member].kinds, purchased: examples[member].purchased,
                        weight: 1 / Float(members.count), to: &gradient)
                }
                adam.update(&network.values, gradient)
            }
            let validation = examples[(cut < examples.count ? cut : 0)...]
            let loss = validation.reduce(0) { $0 + self.loss($1.kinds, $1.purchased) } / Double(validation.count)
            if loss < best.loss { best = (network, loss, epoch) }
            if epoch - best.epoch >= options.patience { break }
        }
        network = best.network
    }

    private func loss(_ kinds: [EventKind], _ purchased: Bool) -> Double {
        var state = network.start()
        var logit: Float = 0
        for kind in kinds { logit = network.step(kind, &state) }
        return KindLSTM.loss(logit: Double(logit), purchased: purchased)
    }

    func scores(_ session: TrainingSession) -> [Float] {
        var state = network.start()
        return session.steps.map { Calibration.identity.probability(network.step($0.kind, &state)) }
    }
}

/// Adam (Kingma, Ba 2015) with its usual constants and a constant rate.
private struct PlainAdam {
    private let rate: Float
    private var first: [SIMD8<Float>]
    private var second: [SIMD8<Float>]
    private var (power1, power2): (Float, Float) = (1, 1)

    init(count: Int, rate: Float) {
        self.rate = rate
        first = Array(repeating: SIMD8(repeating: 0), count: count)
        second = first
    }

    mutating func update(_ values: inout [SIMD8<Float>], _ gradient: [SIMD8<Float>]) {
        power1 *= 0.9
        power2 *= 0.999
        for index in values.indices {
            first[index] = first[index] * 0.9 + gradient[index] * 0.1
            second[index] = second[index] * 0.999 + gradient[index] * gradient[index] * 0.001
            let root = (second[index] / (1 - power2)).squareRoot() + 1e-8
            values[index] -= first[index] * (rate / (1 - power1)) / root
        }
    }
}
