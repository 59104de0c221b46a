/// What a visitor is after, unseen by any model: the states of a hidden semi-Markov process. All numbers of the shop's
/// behaviour stand here; docs/simulator.md tells how they came about.
enum Intent: Int, Sendable, CaseIterable {
    /// Looks at one thing and is gone.
    case bounce
    case browse
    /// Compares products; may put some into the cart to remember them.
    case research
    case buy
    /// Comes back to a cart that an earlier visit left: buys it as it is, or empties it.
    case returning
    /// Cart and checkout pages, then the purchase or second thoughts.
    case checkout
    /// After a purchase.
    case satisfied
    /// Takes things out of the cart again.
    case tidy
}

/// How a visitor behaves in one intent.
struct IntentLaw: Sendable, Equatable {
    /// Mean of the geometric number of actions before the intent changes.
    var actions: Double
    /// Median seconds between two actions, and the deviation of their logarithm.
    var dwell_s: Double
    var dwellDeviation: Double
    /// Weights of the actions: a page of the shop, a product, a search, a click in a list, a cart page, a removal.
    var weights: [Double]
    /// Probability that a product looked at goes into the cart, for a product of middling appeal.
    var adds: Double
    /// What follows, by weight; what is missing to 1 is the end of the session.
    var next: [(intent: Intent, probability: Double)]

    static func == (left: IntentLaw, right: IntentLaw) -> Bool {
        left.actions == right.actions && left.dwell_s == right.dwell_s && left.dwellDeviation == right.dwellDeviation
            && left.weights == right.weights && left.adds == right.adds
            && left.next.elementsEqual(right.next) { $0 == $1 }
    }

    enum Action: Int { case page, product, search, click, cart, removal }

    /// By `Intent.rawValue`.
    static let all: [IntentLaw] = [
        // bounce
        IntentLaw(
            actions: 1, dwell_s: 20, dwellDeviation: 1, weights: [0.34, 0.63, 0.028, 0.002, 0, 0], adds: 0.002,
            next: []),
        // browse
        IntentLaw(
            actions: 3.4, dwell_s: 28, dwellDeviation: 1.1, weights: [0.628, 0.3, 0.07, 0.002, 0, 0], adds: 0.036,
            next: [(.research, 0.07), (.buy, 0.005), (.tidy, 0.22)]),
        // research
        IntentLaw(
            actions: 13, dwell_s: 42, dwellDeviation: 1, weights: [0.528, 0.38, 0.08, 0.002, 0.01, 0], adds: 0.004,
            next: [(.browse, 0.03), (.buy, 0.02), (.tidy, 0.25)]),
        // buy
        IntentLaw(
            actions: 2.7, dwell_s: 18, dwellDeviation: 0.8, weights: [0.15, 0.78, 0.058, 0.002, 0.01, 0], adds: 0.62,
            next: [(.checkout, 0.6), (.research, 0.01), (.tidy, 0.18)]),
        // returning
        IntentLaw(
            actions: 1.4, dwell_s: 18, dwellDeviation: 0.8, weights: [0.15, 0.15, 0, 0, 0.7, 0], adds: 0.05,
            next: [(.checkout, 0.38), (.tidy, 0.5), (.browse, 0.07)]),
        // checkout
        IntentLaw(
            actions: 1.5, dwell_s: 35, dwellDeviation: 0.7, weights: [0.12, 0, 0, 0, 0.88, 0], adds: 0,
            next: []),
        // satisfied
        IntentLaw(
            actions: 1.3, dwell_s: 25, dwellDeviation: 1, weights: [0.9, 0.1, 0, 0, 0, 0], adds: 0,
            next: []),
        // tidy
        IntentLaw(
            actions: 11, dwell_s: 9, dwellDeviation: 0.7, weights: [0.05, 0.01, 0, 0, 0.08, 0.86], adds: 0,
            next: [(.checkout, 0.02)]),
    ]

    /// With which intent a session begins.
    static let first: [(intent: Intent, probability: Double)] = [
        (.bounce, 0.272), (.browse, 0.5), (.research, 0.191), (.buy, 0.0275), (.returning, 0.005),
    ]
    /// Probability that a checkout with something in the cart ends in a purchase.
    static let completes = 0.72
    /// Mean number of products of an order, and how likely the twin row of a product page is.
    static let orderItems = 1.5
    static let twin = 0.93
}
