/// How a visitor behaves in one intent.
package struct IntentLaw: Sendable {
    /// Mean of the geometric number of actions before the intent changes, at least 1; a product page and the add that
    /// follows it count as one.
    package let actions: Double
    /// The time to the next action.
    package let dwell: Dwell
    /// What is done, by weight. Adds and purchases have laws of their own.
    package let does: Weights<Action>
    /// `does` as probabilities.
    let shares: Weights<Action>
    /// Probability that a product chosen is one of the category's favourites.
    package let favours: Double
    /// Probability that a product looked at goes into the cart.
    package let adds: Double
    /// What follows, by probability; what is missing to 1 is the end of the session.
    package let next: Weights<Intent>

    package init(
        actions: Double, dwell: Dwell, does: Weights<Action>, favours: Double, adds: Double, next: Weights<Intent>
    ) {
        self.actions = actions
        self.dwell = dwell
        self.does = does
        shares = does.normalised
        self.favours = favours
        self.adds = adds
        self.next = next
    }

    /// Probability that the intent changes after an action.
    package var changes: Double { 1 / actions }
}

/// How all visitors behave: the law of every intent, and what they have in common.
package struct ShopLaw: Sendable {
    /// By `Intent.rawValue`.
    let intents: ContiguousArray<IntentLaw>
    /// With which intent a session begins, by weight.
    package let first: Weights<Intent>
    /// Probability that a checkout with something in the cart ends in a purchase.
    package let completes: Double
    /// Probability that a visitor stays after a purchase.
    package let lingers: Double
    /// Probability of one product more in the cart of an earlier visit.
    package let another: Double
    /// Probability that a remove takes the last piece of a product.
    package let lastPiece: Double
    /// Probability that a product page sends a page view beside its detail.
    package let twin: Double
    /// Probability that a visitor looks at the category that they came for, not at one that is in fashion.
    package let focus: Double
    /// From a product page to the cart, and from the checkout to the purchase.
    package let adding: Dwell
    package let paying: Dwell

    package subscript(intent: Intent) -> IntentLaw { intents[intent.rawValue] }

    package init(
        first: Weights<Intent>, completes: Double, lingers: Double, another: Double, lastPiece: Double, twin: Double,
        focus: Double, adding: Dwell, paying: Dwell, of law: (Intent) -> IntentLaw
    ) {
        self.first = first
        self.completes = completes
        self.lingers = lingers
        self.another = another
        self.lastPiece = lastPiece
        self.twin = twin
        self.focus = focus
        self.adding = adding
        self.paying = paying
        intents = ContiguousArray(
            Intent.allCases.map { intent in
                let law = law(intent)
                // Half an hour of silence would end a session and begin another of the same id.
                precondition(law.dwell.longest_s < 29 * 60, "ShopLaw: \(intent) waits too long")
                precondition(law.actions >= 1 && law.next.total <= 1, "ShopLaw: \(intent) is no law")
                return law
            })
        precondition(max(adding.longest_s, paying.longest_s) < 29 * 60, "ShopLaw: the cart waits too long")
    }
}
