/// Why a schedule is refused: which field, and what is wrong with it.
public struct CronError: Error, Equatable, Sendable, CustomStringConvertible {
    /// `minute`, `hour`, `day of month`, `month`, `day of week`, `time zone`, or `schedule` for the whole.
    public var field: String
    public var reason: String

    public init(field: String, reason: String) {
        self.field = field
        self.reason = reason
    }

    public var description: String { "\(field): \(reason)" }
}
