/// The products of the shop: categories and, within them, ranks, both by Zipf's law; every product has an appeal of its
/// own.
struct Catalogue: Sendable, Equatable {
    static let categories = 60
    static let ranks = 200

    private let category: AliasTable
    private let rank: AliasTable
    /// By product: factor on the probability that it goes into the cart.
    private let appeals: [Double]

    init(seed: UInt64) {
        category = AliasTable((1...Self.categories).map { 1 / Double($0) })
        rank = AliasTable((1...Self.ranks).map { 1 / (Double($0) + 2) })
        var chance = Chance(seed: seed, stream: .max)
        appeals = (0..<Self.categories * Self.ranks).map { _ in
            chance.logNormal(median: 0.75, deviation: 0.75)
        }
    }

    func drawCategory(_ chance: inout Chance) -> Int { category.draw(&chance) }

    /// A product: mostly of the category that the visitor came for.
    func drawProduct(category wanted: Int, _ chance: inout Chance) -> Int {
        let category = chance.happens(0.75) ? wanted : self.category.draw(&chance)
        return category * Self.ranks + rank.draw(&chance)
    }

    func appeal(of product: Int) -> Double { appeals[product] }
}
