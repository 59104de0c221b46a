extension ShopLaw {
    /// A shop like the one that the statistics in docs/simulator.md are of. All numbers of the visitors' behaviour stand
    /// here, and were fitted to those statistics.
    package static let standard = ShopLaw(
        first: [.bounce: 37.5, .browse: 34.8, .research: 19.5, .collect: 5, .buy: 1.8, .returning: 1.4],
        completes: 0.8, lingers: 0.25, another: 0.45, lastPiece: 0.15, twin: 0.93, focus: 0.75,
        adding: Dwell(median_s: 12, deviation: 0.6), paying: Dwell(median_s: 40, deviation: 0.6), of: standard)

    private static func standard(_ intent: Intent) -> IntentLaw {
        switch intent {
        case .bounce:
            IntentLaw(
                actions: 1.45, dwell: Dwell(median_s: 20, deviation: 1),
                does: [.home: 21, .category: 22, .guide: 6, .terms: 1, .search: 1, .product: 49],
                favours: 0.2, adds: 0, next: [:])
        case .browse:
            IntentLaw(
                actions: 4.2, dwell: Dwell(median_s: 28, deviation: 1.1),
                does: [.home: 18, .category: 44, .guide: 8, .terms: 1, .search: 2.5, .product: 23, .again: 3.5],
                favours: 0.2, adds: 0.002, next: [.research: 0.08, .collect: 0.01, .buy: 0.003])
        case .research:
            IntentLaw(
                actions: 12.5, dwell: Dwell(median_s: 42, deviation: 1),
                does: [.home: 5, .category: 47, .guide: 3, .terms: 1, .search: 3, .product: 25, .again: 15, .cart: 1],
                favours: 0.22, adds: 0.001, next: [.browse: 0.04, .collect: 0.003, .buy: 0.008])
        case .collect:
            IntentLaw(
                actions: 2.7, dwell: Dwell(median_s: 34, deviation: 1),
                does: [
                    .home: 5, .category: 18, .guide: 4, .terms: 2, .search: 4, .product: 54, .again: 4, .cart: 9,
                ],
                favours: 0.3, adds: 0.5, next: [.checkout: 0.06, .tidy: 0.06, .browse: 0.05])
        case .buy:
            IntentLaw(
                actions: 1.9, dwell: Dwell(median_s: 18, deviation: 0.8),
                does: [.home: 4, .category: 7, .guide: 1, .terms: 4, .search: 8, .product: 70, .again: 3, .cart: 3],
                favours: 0.42, adds: 0.64, next: [.checkout: 0.8, .research: 0.01, .tidy: 0.05])
        case .returning:
            IntentLaw(
                actions: 1.4, dwell: Dwell(median_s: 18, deviation: 0.8),
                does: [.home: 5, .category: 10, .product: 15, .cart: 70],
                favours: 0.3, adds: 0.05, next: [.checkout: 0.12, .tidy: 0.7, .browse: 0.08])
        case .checkout:
            IntentLaw(
                actions: 1.3, dwell: Dwell(median_s: 35, deviation: 0.7),
                does: [.terms: 8, .cart: 24, .checkout: 68], favours: 0.2, adds: 0, next: [:])
        case .satisfied:
            IntentLaw(
                actions: 1.3, dwell: Dwell(median_s: 25, deviation: 1),
                does: [.home: 45, .category: 45, .product: 10], favours: 0.2, adds: 0, next: [:])
        case .tidy:
            IntentLaw(
                actions: 11, dwell: Dwell(median_s: 9, deviation: 0.7),
                does: [.category: 4, .cart: 10, .remove: 86], favours: 0.2, adds: 0,
                next: [.checkout: 0.02, .browse: 0.05])
        case .bot:
            IntentLaw(
                actions: 40, dwell: Dwell(median_s: 1.2, deviation: 0.5), does: [.category: 20, .product: 80],
                favours: 0.1, adds: 0, next: [:])
        }
    }
}
