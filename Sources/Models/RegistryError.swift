public import Intent

/// Why the registry could not do what it was asked.
public enum RegistryError: Error, Equatable, Sendable, CustomStringConvertible {
    case unknown(Int, directory: String)
    case unreadable(file: String, reason: String)
    case damaged(file: String, ModelFileError)
    case unwritable(file: String, reason: String)
    case nothingToRollBackTo
    /// Another process took the right to retrain over; nothing was written.
    case leaseLost

    public var description: String {
        switch self {
        case .unknown(let number, let directory):
            "there is no model \(number) in \(directory): `dinghy models list` shows those that are"
        case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)"
        case .damaged(let file, let error): "\(file) \(error)"
        case .unwritable(let file, let reason): "\(file) cannot be written: \(reason)"
        case .nothingToRollBackTo:
            "there is no earlier champion to roll back to: choose a model with `dinghy models promote NUMBER`"
        case .leaseLost:
            "the right to retrain went to another process during the run, so its model was thrown away"
        }
    }
}
