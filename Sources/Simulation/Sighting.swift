import Events

/// What an event shows of the action behind it.
enum Sighting: Sendable {
    /// A page that only this action leads to.
    case page(Action)
    /// The cart's page, looked at or for want of anything to take out.
    case cart
    case remove
    /// A product's page: with which probability a choice among the favourites, or among the others, falls on this
    /// product, and a choice among those seen before.
    case look(isFavourite: Bool, chosen: Double, again: Double, hasSeenAny: Bool)

    init(_ event: ShopEvent, _ belief: Belief, _ law: ShopLaw, _ catalogue: Catalogue) {
        switch event.page {
        case .home: self = .page(.home)
        case .category: self = .page(.category)
        case .info: self = .page(event.subject < Catalogue.guides ? .guide : .terms)
        case .search: self = .page(.search)
        case .checkout: self = .page(.checkout)
        case .cart: self = event.kind == .remove ? .remove : .cart
        case .product:
            let product = Int(event.subject)
            let category = product / Catalogue.ranks
            let fashion = catalogue.share(ofCategory: category)
            let share =
                belief.category.map { (1 - law.focus) * fashion + ($0 == category ? law.focus : 0) } ?? fashion
            self = .look(
                isFavourite: catalogue.isFavourite(product), chosen: share * catalogue.share(of: product),
                again: belief.seen.contains(product) ? 1 / Double(belief.seen.count) : 0,
                hasSeenAny: !belief.seen.isEmpty)
        case .thanks: preconditionFailure("Sighting.init: thanks before a purchase")
        }
    }

    /// How likely a visitor of this law makes it, by cart.
    func likelihood(_ law: borrowing IntentLaw) -> Outlook.Carts {
        switch self {
        case .page(let action): return Outlook.Carts(repeating: law.shares[action])
        case .cart: return law.shares[.cart] + law.shares[.remove] * (.one - Outlook.filled)
        case .remove: return law.shares[.remove] * Outlook.filled
        case .look(let isFavourite, let chosen, let again, let hasSeenAny):
            let choice = (isFavourite ? law.favours : 1 - law.favours) * chosen
            let repeated = hasSeenAny ? again : choice
            return Outlook.Carts(repeating: law.shares[.product] * choice + law.shares[.again] * repeated)
        }
    }
}
