/// What a visitor is after, unseen by any model: the states of a hidden semi-Markov process.
enum Intent: Int, Sendable, CaseIterable {
    /// Looks at one thing and is gone.
    case bounce = 0
    /// Looks around without aim.
    case browse = 1
    /// Compares products: reads long, comes back to what was seen.
    case research = 2
    /// Fills a cart to remember things, or to see what they come to; pays now and then.
    case collect = 3
    case buy = 4
    /// Comes back to a cart that an earlier visit left: buys it as it is, or empties it.
    case returning = 5
    /// Cart and checkout pages, then the purchase or second thoughts.
    case checkout = 6
    /// After a purchase.
    case satisfied = 7
    /// Takes things out of the cart again.
    case tidy = 8
}

/// What a visitor does at one moment: one event, or several with the same time stamp.
enum Action: Int, Sendable {
    case home = 0
    /// The list of the products of a category.
    case category = 1
    /// A page that sells nothing: delivery, returns, a guide.
    case info = 2
    /// The page of search results.
    case search = 3
    case product = 4
    /// One of the products seen before.
    case again = 5
    case cart = 6
    case checkout = 7
    case remove = 8
    /// The product of the page goes into the cart.
    case add = 9
    /// What is in the cart is bought.
    case purchase = 10
}
