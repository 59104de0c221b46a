/// The products of the shop: categories and, within them, ranks, both by Zipf's law; every product has an appeal of its
/// own. Depends on the shop's seed alone, so that it is the same shop whenever it is visited.
struct Catalogue: Sendable {
    static let categories = 60
    static let ranks = 200
    static let infos = 20
    /// What a query looks for in a category.
    static let wishes = ["new", "red", "blue", "black", "white", "green", "small", "large", "light", "cheap"]

    private let category: AliasTable
    private let rank: AliasTable
    private let info: AliasTable
    private let wish: AliasTable
    /// By product: factor on the probability that it goes into the cart, 1 on average.
    private let appeals: [Double]

    init(seed: UInt64) {
        func zipf(_ count: Int, shift: Double) -> AliasTable {
            AliasTable((1...count).map { 1 / (Double($0) + shift) })
        }
        category = zipf(Self.categories, shift: 0)
        rank = zipf(Self.ranks, shift: 2)
        info = zipf(Self.infos, shift: 0)
        wish = zipf(Self.wishes.count, shift: 0)
        var chance = Chance(seed: seed, stream: .max)
        // e to the half variance below 1, so that the mean is 1.
        appeals = (0..<Self.categories * Self.ranks).map { _ in chance.logNormal(median: 0.755, deviation: 0.75) }
    }

    func category(_ chance: inout Chance) -> Int { category.draw(&chance) }

    func info(_ chance: inout Chance) -> Int { info.draw(&chance) }

    /// Category and wish in one number.
    func query(in category: Int, _ chance: inout Chance) -> Int {
        category * Self.wishes.count + wish.draw(&chance)
    }

    /// A product: mostly of the category that the visitor came for.
    func product(near wanted: Int, _ chance: inout Chance) -> Int {
        let category = chance.happens(IntentLaw.focus) ? wanted : self.category.draw(&chance)
        return category * Self.ranks + rank.draw(&chance)
    }

    func appeal(of product: Int) -> Double { appeals[product] }
}
