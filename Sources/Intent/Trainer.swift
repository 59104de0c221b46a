import Sessions

/// A model and what it is worth.
public struct TrainedModel: Sendable, Equatable {
    public var model: IntentModel
    /// On the test span, which nothing before has seen.
    public var report: Report
    /// Own time of the first event of the first test session, milliseconds since the epoch.
    public var testFrom: Int64
}

/// Trains a model on closed sessions: the loss stands at every prefix before the first purchase, each session weighs
/// the same, a span is kept for stopping early, a later one for calibration, the last for the report.
public enum Trainer {
    /// - Parameters:
    ///   - sessions: in any order.
    ///   - reporting: how the report is made.
    ///   - progress: called now and then; false ends training with the best weights so far.
    public static func train(
        _ sessions: [TrainingSession], options: TrainingOptions = TrainingOptions(),
        reporting: ReportOptions = .standard,
        progress: (TrainingProgress) -> Bool = { _ in true }
    ) throws(TrainingError) -> TrainedModel {
        try options.check()
        let split = try Split(sessions)
        let training = Array(split.training)
        let statistics = ProductStatistics(training)
        let encoder = Encoder(
            pages: ProductStatistics.pages(training, limit: Encoder.maxPages),
            products: statistics.products(limit: Encoder.maxProducts))
        let buyers = training.count { $0.purchased }
        let sample = SessionSampling(training, share: options.negatives, seed: options.seed)
        let validation = SessionSampling(Array(split.validation), share: options.negatives, seed: options.seed)
        let examples = Examples(
            sample.sessions, encoder: encoder, statistics: statistics.regarding(sample.indices),
            maxSteps: options.maxSteps)
        var weights = try fit(
            examples, validation: validation.sessions, encoder: encoder,
            baseRate: Double(buyers) / Double(sample.sessions.count), options: options, progress: progress)
        weights.values[weights.shape.headBias][0] += sample.logitOffset

        let metadata = ModelMetadata(
            trainedFrom: training.first?.start ?? 0, trainedThrough: split.calibration.last?.start ?? 0,
            sessions: training.count, buyers: buyers, options: options)
        let raw = IntentModel(encoder: encoder, weights: weights, calibration: .identity, metadata: metadata)
        let calibration = Calibration.fit(split.calibration.map { (raw.logits($0), $0.purchased) })
        let model = IntentModel(encoder: encoder, weights: weights, calibration: calibration, metadata: metadata)
        let report = Report(model: model, training: training, test: Array(split.test), options: reporting)
        return TrainedModel(model: model, report: report, testFrom: split.test.first?.start ?? 0)
    }

    /// The training span, encoded once.
    struct Examples {
        var inputs: [Encoder.Input] = []
        var sessions: [(range: Range<Int>, purchased: Bool)] = []

        init(
            _ training: [TrainingSession], encoder: Encoder, statistics: ProductStatistics, maxSteps: Int
        ) {
            for (index, session) in training.enumerated() {
                let start = inputs.count
                for step in session.steps.prefix(maxSteps) {
                    inputs.append(
                        encoder.encode(step, product: statistics.product(step.sku, outsideFoldOf: index)))
                }
                sessions.append((start..<inputs.count, session.purchased))
            }
        }
    }

    private static func fit(
        _ examples: Examples, validation: [TrainingSession], encoder: Encoder, baseRate: Double,
        options: TrainingOptions, progress: (TrainingProgress) -> Bool
    ) throws(TrainingError) -> Weights {
        var random = RandomSource(seed: options.seed)
        let shape = Weights.Shape(hiddenSize: options.hiddenSize)
        var weights = Weights(shape: shape, baseRate: baseRate, random: &random)
        let batches = (examples.sessions.count + options.batch - 1) / options.batch
        var adam = Adam(weights, options: options, totalSteps: batches * options.epochs)
        var backpropagation = Backpropagation(shape)
        var best = (weights: weights, loss: Double.infinity, epoch: 0)
        var lastValidationLoss: Double?
        var order = Array(examples.sessions.indices)
        for epoch in 1...options.epochs {
            order.shuffle(using: &random)
            var told = TrainingProgress(
                epoch: epoch, epochs: options.epochs, events: 0, totalEvents: examples.inputs.count, loss: 0,
                validationLoss: lastValidationLoss)
            var loss = 0.0
            for batch in 0..<batches {
                let members = order[(batch * options.batch)..<min((batch + 1) * options.batch, order.count)]
                backpropagation.clear()
                for member in members {
                    let (range, purchased) = examples.sessions[member]
                    // A constant divisor: a mean over the batch's own events would weigh long sessions down.
                    loss += backpropagation.add(
                        examples.inputs[range], purchased: purchased, weight: 1 / Float(options.batch),
                        weights: weights)
                    told.events += range.count
                }
                guard loss.isFinite, adam.update(&weights, gradient: backpropagation.gradient) else {
                    throw .diverged(epoch: epoch, batch: batch + 1)
                }
                told.loss = loss / Double(batch + 1)
                guard progress(told) else { return best.loss.isFinite ? best.weights : adam.averaged }
            }
            let validationLoss = logLoss(adam.averaged, encoder: encoder, validation)
            guard validationLoss.isFinite else { throw .diverged(epoch: epoch, batch: batches) }
            lastValidationLoss = validationLoss
            if validationLoss < best.loss { best = (adam.averaged, validationLoss, epoch) }
            if epoch - best.epoch >= options.patience { break }
        }
        return best.weights
    }

    /// Mean over sessions of the mean loss over their prefixes.
    private static func logLoss(_ weights: Weights, encoder: Encoder, _ sessions: [TrainingSession]) -> Double {
        var runner = StepRunner(weights)
        var total = 0.0
        for session in sessions {
            runner.reset()
            var sum = 0.0
            for step in session.steps {
                sum += Backpropagation.loss(
                    logit: Double(runner.step(encoder.encode(step))), purchased: session.purchased)
            }
            total += sum / Double(session.steps.count)
        }
        return total / Double(max(1, sessions.count))
    }
}
