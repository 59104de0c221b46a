public import Intent

/// What stands beside a model in the registry.
public struct ModelEntry: Sendable, Codable {
    public enum Origin: String, Sendable, Codable {
        /// A retraining run.
        case retrain
        /// A file from elsewhere.
        case imported = "import"
    }

    public var number: Int
    /// Milliseconds since the epoch.
    public var created: Int64
    public var origin: Origin
    public var bytes: Int
    public var hiddenSize: Int
    public var metadata: ModelMetadata
    /// On the test span of its training.
    public var report: Report?
    /// Against the champion of its day.
    public var verdict: Verdict?

    package init(
        number: Int, created: Int64, origin: Origin, bytes: Int, model: IntentModel, report: Report?, verdict: Verdict?
    ) {
        self.number = number
        self.created = created
        self.origin = origin
        self.bytes = bytes
        hiddenSize = model.hiddenSize
        metadata = model.metadata
        self.report = report
        self.verdict = verdict
    }
}
