/// The products of the shop: categories and, within them, ranks, both by Zipf's law. Some of the better known products
/// of every category are its favourites: those who mean to buy look at them more than others do. Depends on the shop's
/// seed alone, so that it is the same shop whenever it is visited.
struct Catalogue: Sendable {
    static let categories = 60
    static let ranks = 200
    /// Of the first `known` ranks of a category, so many are its favourites.
    static let favourites = 6
    static let known = 20
    static let guides = 5
    static let terms = 3
    /// What a query looks for in a category.
    static let wishes = ["new", "red", "blue", "black", "white", "green", "small", "large", "light", "cheap"]

    private let category: AliasTable
    private let categoryShares: [Double]
    /// The products that are favourites and those that are not, by category.
    private let favourite: [Shelf]
    private let plain: [Shelf]
    /// By product.
    private let isFavourite: [Bool]
    private let shares: [Double]
    private let guide: AliasTable
    private let term: AliasTable
    private let wish: AliasTable

    /// Products that are chosen among by rank.
    private struct Shelf: Sendable {
        let products: [Int32]
        let table: AliasTable

        func draw(_ chance: inout Chance) -> Int { Int(products[table.draw(&chance)]) }
    }

    init(seed: UInt64) {
        func zipf(_ count: Int) -> [Double] { (1...count).map { 1 / Double($0) } }
        let weights = zipf(Self.categories)
        category = AliasTable(weights)
        categoryShares = weights.map { $0 / weights.reduce(0, +) }
        guide = AliasTable(zipf(Self.guides))
        term = AliasTable(zipf(Self.terms))
        wish = AliasTable(zipf(Self.wishes.count))

        let rankWeights = (1...Self.ranks).map { 1 / (Double($0) + 2) }
        var chance = Chance(seed: seed, stream: .max)
        var shares = [Double](repeating: 0, count: Self.categories * Self.ranks)
        var isFavourite = [Bool](repeating: false, count: shares.count)
        func shelf(_ products: [Int]) -> Shelf {
            let weights = products.map { rankWeights[$0 % Self.ranks] }
            let total = weights.reduce(0, +)
            for (product, weight) in zip(products, weights) { shares[product] = weight / total }
            return Shelf(products: products.map { Int32($0) }, table: AliasTable(weights))
        }
        var favourite: [Shelf] = []
        var plain: [Shelf] = []
        for category in 0..<Self.categories {
            let all = (0..<Self.ranks).map { category * Self.ranks + $0 }
            var left = Array(all.prefix(Self.known))
            for _ in 0..<Self.favourites { isFavourite[left.remove(at: chance.below(left.count))] = true }
            favourite.append(shelf(all.filter { isFavourite[$0] }))
            plain.append(shelf(all.filter { !isFavourite[$0] }))
        }
        self.favourite = favourite
        self.plain = plain
        self.isFavourite = isFavourite
        self.shares = shares
    }

    func category(_ chance: inout Chance) -> Int { category.draw(&chance) }

    /// A page to read, or one with terms.
    func guide(_ chance: inout Chance) -> Int { guide.draw(&chance) }

    func term(_ chance: inout Chance) -> Int { Self.guides + term.draw(&chance) }

    /// Category and wish in one number.
    func query(in category: Int, _ chance: inout Chance) -> Int {
        category * Self.wishes.count + wish.draw(&chance)
    }

    /// A product of a category, with this probability one of its favourites.
    func product(in category: Int, favours: Double, _ chance: inout Chance) -> Int {
        chance.happens(favours) ? favourite[category].draw(&chance) : plain[category].draw(&chance)
    }

    func isFavourite(_ product: Int) -> Bool { isFavourite[product] }

    /// The probability of a category.
    func share(ofCategory category: Int) -> Double { categoryShares[category] }

    /// The probability of a product among its category's favourites, or among the others, whichever it belongs to.
    func share(of product: Int) -> Double { shares[product] }
}
