/// What is known of one session from its events alone: how likely every hidden state is, and what the events have shown.
struct Belief: Sendable {
    /// By intent, and in its lanes by cart: sums to 1 after the first event. Of the moment just after the last action,
    /// before it is decided what follows.
    var mass = ContiguousArray(repeating: Outlook.Carts.zero, count: Intent.allCases.count)
    /// Of the last action; nil before the first.
    var time: Int64?
    /// The last action was a look at a product, which may be about to go into the cart.
    var hasLooked = false
    /// The first category looked at: what the visitor came for.
    var category: Int?
    var seen = ShortList()
    var hasBought = false

    mutating func normalise() {
        var total = Outlook.Carts.zero
        for intent in mass.indices { total += mass[intent] }
        let sum = total.sum()
        precondition(sum > 0, "Belief: an event that this shop can't have sent")
        for intent in mass.indices { mass[intent] /= sum }
    }
}
