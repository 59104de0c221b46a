import NIOHTTP1

/// Whose turn it is on a connection: requests are answered one at a time, in their order, whoever answers them.
///
///     free ──head──▶ gathering ──end──▶ judging ──reply──▶ free
///      │                 └─reply before the end─▶ dropping ──end──▶ free
///      └──head of the router's──▶ routed ──end, and end of its reply──▶ free
///
/// After the last reply of a connection everything is dropped: `over`.
enum DirectTurn {
    case free
    /// The door's; its body is coming in.
    case gathering(any DirectExchange)
    /// The door's, answered; the rest of its body is dropped.
    case dropping
    /// The door's, whole; its reply is being made.
    case judging
    /// The router's.
    case routed(isWhole: Bool, isAnswered: Bool)
    case over

    /// Whether the next part of what comes in can be taken now, or has to wait.
    var takesMore: Bool {
        switch self {
        case .free, .gathering, .dropping, .over: true
        case .routed(let isWhole, _): !isWhole
        case .judging: false
        }
    }

    /// A request of the door's has begun and is not over.
    var isDirect: Bool {
        switch self {
        case .gathering, .dropping, .judging: true
        case .free, .routed, .over: false
        }
    }
}
