import Events
import Simulation
import Testing

/// What a shop sells, and how well.
struct CatalogueTests {
    private struct Product {
        var details = 0
        var adds = 0
        var rate: Double { Double(adds) / Double(details) }
    }

    private static func products(seed: UInt64, start: Int64) -> [String: Product] {
        var parameters = ShopParameters.standard
        parameters.buyerShare = 10
        var shop = Shop(seed: seed, parameters: parameters, start: start)
        var products: [String: Product] = [:]
        for _ in 0..<900_000 {
            let event = shop.next().event
            guard let sku = event.sku else { continue }
            if event.kind == .detail { products[sku, default: Product()].details += 1 }
            if event.kind == .add { products[sku, default: Product()].adds += 1 }
        }
        return products
    }

    /// Of the rates at which the products that both know well go into the cart.
    private static func correlation(_ one: [String: Product], _ other: [String: Product]) -> Double {
        let pairs = one.compactMap { sku, product in other[sku].map { (product, $0) } }
            .filter { $0.details >= 300 && $1.details >= 300 }.map { ($0.rate, $1.rate) }
        precondition(pairs.count >= 40, "only \(pairs.count) products are known well")
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        let (x, y) = (mean(pairs.map(\.0)), mean(pairs.map(\.1)))
        let covariance = mean(pairs.map { ($0 - x) * ($1 - y) })
        let spread = mean(pairs.map { ($0.0 - x) * ($0.0 - x) }) * mean(pairs.map { ($0.1 - y) * ($0.1 - y) })
        return covariance / spread.squareRoot()
    }

    @Test func aShopSellsTheSameProductsWheneverItIsVisited() {
        let history = Self.products(seed: 21, start: 1_767_225_600_000)
        let present = Self.products(seed: 21, start: 1_782_000_000_000)
        let another = Self.products(seed: 22, start: 1_782_000_000_000)
        let same = Self.correlation(history, present)
        let other = Self.correlation(history, another)
        #expect(same > 0.8, "\(same)")
        #expect(abs(other) < 0.4, "\(other)")
    }

    @Test func fewProductsAreLookedAtOftenAndManySeldom() {
        let details = Self.products(seed: 23, start: 1_767_225_600_000).values.map(\.details).sorted(by: >)
        let all = Double(details.reduce(0, +))
        #expect(details.count > 10_000)
        #expect((0.2...0.5).contains(Double(details.prefix(100).reduce(0, +)) / all))
        #expect((0.5...0.8).contains(Double(details.prefix(1_000).reduce(0, +)) / all))
    }
}
