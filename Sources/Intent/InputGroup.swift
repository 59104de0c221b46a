import Events
import Sessions

/// A kind of input that can be taken away from a model, by making it the same everywhere: one session's, to see what it
/// does to a score; every session's before training, to see what it is worth.
public enum InputGroup: String, Codable, Sendable, CaseIterable {
    case kind, pace, page, cart
    case productStatistics = "product statistics"
    case repetition
    case timeOfDay = "time of day"

    /// Between the quartiles of a shop's pauses.
    private static let ordinaryGap_ms: UInt32 = 15_000
    private static let noon: UInt16 = 12 * 60
    /// No page hashes to it but by accident, so that it counts as rare.
    private static let rarePage: UInt64 = 1
    private static let onlyProduct: UInt64 = 1

    /// What stands in its place.
    public var otherwise: String {
        switch self {
        case .kind: "every event a page view"
        case .pace: "15 seconds between events"
        case .page: "every page a rare one"
        case .cart: "an empty cart"
        case .productStatistics: "products that nothing is known of"
        case .repetition: "no product and no page twice"
        case .timeOfDay: "noon UTC"
        }
    }

    /// The step without it; product statistics are no part of a step, so for them it stays as it is.
    func removed(from step: Step, _ index: Int) -> Step {
        var step = step
        switch self {
        case .kind: step.kind = .pageview
        case .pace:
            step.gap_ms = index == 0 ? 0 : Self.ordinaryGap_ms
            step.elapsed_ms = UInt32(index) * Self.ordinaryGap_ms
        case .page:
            if step.page != 0 { step.page = Self.rarePage }
            step.section = 0
        case .cart: step.cart = 0
        case .productStatistics: break
        case .repetition:
            step.skuSeen = 0
            step.pageSeen = 0
        case .timeOfDay: step.minuteOfWeek = step.minuteOfWeek / 1_440 * 1_440 + Self.noon
        }
        return step
    }

    /// The session without it, for a training that never had it. Without product statistics all products are one.
    public func removed(from session: TrainingSession) -> TrainingSession {
        var session = session
        for (index, step) in session.steps.enumerated() {
            session.steps[index] = removed(from: step, index)
            if self == .productStatistics, step.sku != 0 { session.steps[index].sku = Self.onlyProduct }
        }
        return session
    }
}
