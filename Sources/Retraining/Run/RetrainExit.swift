/// How a retraining run ends, as its process says it: the contract with schedulers outside.
public enum RetrainExit: Int32, Codable, Sendable, CaseIterable {
    /// The new model is champion.
    case promoted = 0
    /// Something went wrong; nothing changed.
    case failed = 1
    /// The new model is in the registry, and the champion stays.
    case keptAside = 3
    /// The log does not hold enough sessions or buyers to train from.
    case notEnoughData = 4
    /// Another run is under way.
    case busy = 5
    /// The right to retrain went to another run; this one's model was thrown away.
    case leaseLost = 6

    /// What a child's exit code means; any that is not ours (a signal, say) is a failure.
    public init(code: Int32) {
        self = RetrainExit(rawValue: code) ?? .failed
    }

    /// The word in metrics and status.
    public var name: String {
        switch self {
        case .promoted: "promoted"
        case .failed: "failed"
        case .keptAside: "kept_aside"
        case .notEnoughData: "not_enough_data"
        case .busy: "busy"
        case .leaseLost: "lease_lost"
        }
    }
}
