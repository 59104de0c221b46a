import Sessions

/// A model and what it is worth.
public struct TrainedModel: Sendable, Equatable {
    public var model: IntentModel
    /// On the test span, which nothing before has seen.
    public var report: Report
    public var ending: TrainingEnding
    /// Own time of the first event of the first test session, milliseconds since the epoch.
    public var testFrom: Int64
}

/// Trains a model on closed sessions: the loss stands at every prefix before the first purchase, each session weighs
/// the same, a span is kept for stopping early, a later one for calibration, the last for the report.
public enum Trainer {
    /// - Parameters:
    ///   - sessions: in any order.
    ///   - threads: at most so many. The result does not depend on it.
    ///   - reporting: how the report is made.
    ///   - keepsDiverged: where the loss is no number any more, the best weights from before are a model
    ///     (`TrainedModel.ending` says so); otherwise, and where there are none yet, it is an error.
    ///   - progress: called after every batch; false ends training with the best weights so far.
    public static func train(
        _ sessions: [TrainingSession], options: TrainingOptions = TrainingOptions(), threads: Int = 1,
        reporting: ReportOptions = .standard, keepsDiverged: Bool = false,
        progress: (TrainingProgress) -> Bool = { _ in true }
    ) throws(TrainingError) -> TrainedModel {
        try options.check()
        let split = try Split(sessions)
        let training = Array(split.training)
        let statistics = ProductStatistics(training)
        let encoder = Encoder(
            pages: PageChoice.of(training, limit: Encoder.maxPages),
            products: statistics.products(limit: Encoder.maxProducts))
        let buyers = training.count { $0.purchased }
        let sample = SessionSampling(training, share: options.negatives, seed: options.seed)
        let validation = SessionSampling(Array(split.validation), share: options.negatives, seed: options.seed)
        let fitting = Fitting(
            EncodedSessions(
                sample.sessions, encoder: encoder, statistics: statistics.regarding(sample.indices),
                maxSteps: options.maxSteps),
            validation: EncodedSessions(validation.sessions, encoder: encoder), options: options,
            threads: threads)
        let fitted = try fitting.run(
            baseRate: Double(buyers) / Double(sample.sessions.count), progress: progress)
        if case .diverged(let epoch, let batch) = fitted.ending, !keepsDiverged {
            throw .diverged(epoch: epoch, batch: batch)
        }
        var weights = fitted.weights
        weights.values[weights.shape.headBias][0] += sample.logitOffset

        let metadata = ModelMetadata(
            trainedFrom: training.first?.start ?? 0, trainedThrough: split.calibration.last?.start ?? 0,
            sessions: training.count, buyers: buyers, options: options)
        let raw = IntentModel(encoder: encoder, weights: weights, calibration: .identity, metadata: metadata)
        let calibration = Calibration.fit(split.calibration.map { (raw.logits($0), $0.purchased) })
        let model = IntentModel(encoder: encoder, weights: weights, calibration: calibration, metadata: metadata)
        let report = Report(model: model, training: training, test: Array(split.test), options: reporting)
        return TrainedModel(model: model, report: report, ending: fitted.ending, testFrom: split.test.first?.start ?? 0)
    }
}
