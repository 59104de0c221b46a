/// A browser's wish not to be followed, as its header says it.
enum PrivacySignal: String, CaseIterable {
    /// `Sec-GPC: 1`, Global Privacy Control.
    case gpc
    /// `DNT: 1`, Do Not Track.
    case dnt

    var header: String {
        switch self {
        case .gpc: "Sec-GPC: 1"
        case .dnt: "DNT: 1"
        }
    }
}

/// What is done about such a wish.
public enum PrivacyAction: String, Sendable, CaseIterable {
    /// Nothing: the shop has its visitors' leave, or needs none.
    case ignore
    /// The event is stored without what outlives the session: the visitor, the order, and what follows `?` or `#` in the
    /// URL. An event that has nothing but a visitor is dropped.
    case strip
    /// Nothing is stored.
    case drop
}
