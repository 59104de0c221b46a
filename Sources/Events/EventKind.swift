/// What a visitor did. The raw value is stored in compact histories and model inputs: never renumber.
public enum EventKind: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case pageview = 0
    case detail = 1
    case add = 2
    case remove = 3
    case purchase = 4
    case search = 5
    case click = 6

    /// The word used in JSON, on the command line and in metrics.
    public var name: String {
        switch self {
        case .pageview: "pageview"
        case .detail: "detail"
        case .add: "add"
        case .remove: "remove"
        case .purchase: "purchase"
        case .search: "search"
        case .click: "click"
        }
    }
}
