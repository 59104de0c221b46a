/// How a visitor behaves in one intent. All numbers of the shop's behaviour stand in this file; docs/simulator.md tells
/// how they came about.
struct IntentLaw: Sendable {
    /// Mean of the geometric number of actions before the intent changes, at least 1; a product page and the add that
    /// follows it count as one.
    var actions: Double
    /// The time to the next action.
    var dwell: Dwell
    /// What is done, by weight. Adds and purchases have laws of their own.
    var does: Weights<Action>
    /// Probability that a product looked at goes into the cart, for a product of appeal 1.
    var adds: Double
    /// What follows, by probability; what is missing to 1 is the end of the session.
    var next: Weights<Intent>

    /// Log-normal but for its tails: a factor that lies within e^±(3.47 × deviation), see `Chance.logNormal`.
    struct Dwell: Sendable {
        var median_s: Double
        /// Of the logarithm.
        var deviation: Double

        /// No draw takes longer.
        var longest_s: Double { median_s * Chance.exp(3.47 * deviation) }
    }

    /// By `Intent.rawValue`.
    static let all = ContiguousArray(
        Intent.allCases.map { intent in
            let law = of(intent)
            // Half an hour of silence would end a session and begin another of the same id.
            precondition(law.dwell.longest_s < 29 * 60, "IntentLaw: \(intent) waits too long")
            precondition(law.actions >= 1 && law.next.total <= 1, "IntentLaw: \(intent) is no law")
            return law
        })

    private static func of(_ intent: Intent) -> IntentLaw {
        switch intent {
        case .bounce:
            IntentLaw(
                actions: 1.45, dwell: Dwell(median_s: 20, deviation: 1),
                does: [.home: 21, .category: 22, .info: 7, .search: 1, .product: 49], adds: 0, next: [:])
        case .browse:
            IntentLaw(
                actions: 4.2, dwell: Dwell(median_s: 28, deviation: 1.1),
                does: [.home: 18, .category: 44, .info: 9, .search: 2.5, .product: 23, .again: 3.5], adds: 0.002,
                next: [.research: 0.08, .collect: 0.01, .buy: 0.003])
        case .research:
            IntentLaw(
                actions: 12.5, dwell: Dwell(median_s: 42, deviation: 1),
                does: [.home: 5, .category: 47, .info: 4, .search: 3, .product: 25, .again: 15, .cart: 1], adds: 0.001,
                next: [.browse: 0.04, .collect: 0.003, .buy: 0.008])
        case .collect:
            IntentLaw(
                actions: 2.7, dwell: Dwell(median_s: 34, deviation: 1),
                does: [.home: 5, .category: 18, .info: 6, .search: 4, .product: 54, .again: 4, .cart: 9], adds: 0.62,
                next: [.checkout: 0.06, .tidy: 0.06, .browse: 0.05])
        case .buy:
            IntentLaw(
                actions: 1.9, dwell: Dwell(median_s: 18, deviation: 0.8),
                does: [.home: 4, .category: 7, .info: 5, .search: 8, .product: 70, .again: 3, .cart: 3], adds: 0.85,
                next: [.checkout: 0.8, .research: 0.01, .tidy: 0.05])
        case .returning:
            IntentLaw(
                actions: 1.4, dwell: Dwell(median_s: 18, deviation: 0.8),
                does: [.home: 5, .category: 10, .product: 15, .cart: 70], adds: 0.05,
                next: [.checkout: 0.12, .tidy: 0.7, .browse: 0.08])
        case .checkout:
            IntentLaw(
                actions: 1.3, dwell: Dwell(median_s: 35, deviation: 0.7),
                does: [.info: 8, .cart: 24, .checkout: 68], adds: 0, next: [:])
        case .satisfied:
            IntentLaw(
                actions: 1.3, dwell: Dwell(median_s: 25, deviation: 1),
                does: [.home: 45, .category: 45, .product: 10], adds: 0, next: [:])
        case .tidy:
            IntentLaw(
                actions: 11, dwell: Dwell(median_s: 9, deviation: 0.7),
                does: [.category: 4, .cart: 10, .remove: 86], adds: 0, next: [.checkout: 0.02, .browse: 0.05])
        }
    }

    /// With which intent a session begins, by weight.
    static let first: Weights<Intent> = [
        .bounce: 37.5, .browse: 34.8, .research: 19.5, .collect: 5, .buy: 1.8, .returning: 1.4,
    ]
    /// Probability that a checkout with something in the cart ends in a purchase.
    static let completes = 0.8
    /// Probability that a visitor stays after a purchase.
    static let lingers = 0.25
    /// Probability of one product more in the cart of an earlier visit.
    static let another = 0.45
    /// Probability that a remove takes the last piece of a product.
    static let lastPiece = 0.15
    /// Probability that a product page sends a page view beside its detail.
    static let twin = 0.93
    /// Probability that a visitor looks at what they came for, not at another category.
    static let focus = 0.75
    /// From a product page to the cart, and from the checkout to the purchase.
    static let adding = Dwell(median_s: 12, deviation: 0.6)
    static let paying = Dwell(median_s: 40, deviation: 0.6)
}
