/// What a visitor is after, unseen by any model: the states of a hidden semi-Markov process.
package enum Intent: Int, Sendable, CaseIterable {
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
    /// A program that reads the catalogue.
    case bot = 9

    /// Nobody pays for an empty cart, or empties one.
    package var needsCart: Bool { self == .checkout || self == .tidy }
}

/// What a visitor does at one moment: one event, or several with the same time stamp.
package enum Action: Int, Sendable {
    case home = 0
    /// The list of the products of a category.
    case category = 1
    /// A page to read: a guide, the shop's story.
    case guide = 2
    /// The page of search results.
    case search = 3
    /// A product's page.
    case product = 4
    /// The page of one of the products seen before; of any product where none was.
    case again = 5
    case cart = 6
    case checkout = 7
    /// A piece of the cart is taken out; where nothing is in it, a look at the cart.
    case remove = 8
    /// The product of the page goes into the cart.
    case add = 9
    /// What is in the cart is bought.
    case purchase = 10
    /// A page that those read who mean to buy: delivery, payment, returns.
    case terms = 11
}
