/// A finished model on a file's test span, beside baselines trained on the file's training span.
public struct Evaluation: Sendable {
    public let report: Report
    /// The model was trained on sessions that began at or after the test span's first: it may have seen it.
    public let mayHaveSeen: Bool

    /// - Parameter sessions: in any order.
    /// - Throws: `.notEnough` where a span lacks sessions or buyers.
    public init(
        of model: IntentModel, _ sessions: [TrainingSession], reporting: ReportOptions = .standard
    ) throws(TrainingError) {
        let split = try Split(sessions)
        report = Report(
            model: model, training: Array(split.training), test: Array(split.test), options: reporting)
        mayHaveSeen = model.metadata.trainedThrough >= split.test.first?.start ?? .max
    }
}
