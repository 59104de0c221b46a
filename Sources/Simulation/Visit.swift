import Events

/// One visitor's session on its way through the hidden states.
struct Visit: Sendable {
    private let session: UInt64
    private var chance: Chance
    /// When `coming` happens, milliseconds since the epoch.
    private(set) var due: Int64
    private var coming: Action
    private var intent: Intent
    /// What the visitor came for: the first category that they look at.
    private let category: Int
    private var hasLooked = false
    /// The product of the last product page.
    private var product = 0
    private var seen = ShortList()
    /// The products that this session's rows have named as in the cart.
    private var named = ShortList()
    /// How many products are in the cart, those of an earlier visit too.
    private var pieces = 0
    private var rows: UInt32 = 0

    /// More products than that no cart holds.
    static let cartLimit = 7

    /// - Parameters:
    ///   - name: the session's id.
    ///   - chance: of this visit alone.
    ///   - first: with which intent it begins, by weight.
    init(name: UInt64, start: Int64, chance: Chance, first: Weights<Intent>, law: ShopLaw, catalogue: Catalogue) {
        session = name
        due = start
        self.chance = chance
        category = catalogue.category(&self.chance)
        intent = first.choice(at: self.chance.uniform())
        guard intent == .returning else {
            coming = law[intent].does.choice(at: self.chance.uniform())
            return
        }
        coming = .cart
        repeat { pieces += 1 } while pieces < Self.cartLimit && self.chance.happens(law.another)
    }

    /// Does what is due, appends its rows and plans what comes next. False where nothing does: the session is over.
    mutating func act(_ law: ShopLaw, _ catalogue: Catalogue, into rows: inout [ShopEvent]) -> Bool {
        switch coming {
        case .home: row(.pageview, .home, into: &rows)
        case .category: row(.pageview, .category, wanted(law, catalogue), into: &rows)
        case .guide: row(.pageview, .info, catalogue.guide(&chance), into: &rows)
        case .terms: row(.pageview, .info, catalogue.term(&chance), into: &rows)
        case .search: row(.pageview, .search, catalogue.query(in: category, &chance), into: &rows)
        case .cart: row(.pageview, .cart, into: &rows)
        case .checkout: row(.pageview, .checkout, into: &rows)
        case .again where !seen.isEmpty: look(at: seen[chance.below(seen.count)], twin: law.twin, into: &rows)
        case .product, .again:
            let category = wanted(law, catalogue)
            let product = catalogue.product(in: category, favours: law[intent].favours, &chance)
            look(at: product, twin: law.twin, into: &rows)
        case .remove where pieces > 0: remove(law, catalogue, into: &rows)
        case .remove: row(.pageview, .cart, into: &rows)
        case .add:
            row(.add, .product, product, into: &rows)
            named.append(product)
            pieces = min(Self.cartLimit, pieces + 1)
        case .purchase: return purchase(law, catalogue, into: &rows)
        }
        return plan(law)
    }

    /// The category that the visitor looks at: first and mostly what they came for.
    private mutating func wanted(_ law: ShopLaw, _ catalogue: Catalogue) -> Int {
        defer { hasLooked = true }
        return !hasLooked || chance.happens(law.focus) ? category : catalogue.category(&chance)
    }

    /// A product page, mostly with its twin row.
    private mutating func look(at product: Int, twin: Double, into rows: inout [ShopEvent]) {
        self.product = product
        if !seen.contains(product) { seen.append(product) }
        let hasTwin = chance.happens(twin)
        let isTwinFirst = chance.happens(0.5)
        if hasTwin, isTwinFirst { row(.pageview, .product, product, into: &rows) }
        row(.detail, .product, product, into: &rows)
        if hasTwin, !isTwinFirst { row(.pageview, .product, product, into: &rows) }
    }

    /// Names one of the products that the session has named so far, or for a cart of an earlier visit a new one: so a
    /// remove tells of the cart that something was in it, and no more.
    private mutating func remove(_ law: ShopLaw, _ catalogue: Catalogue, into rows: inout [ShopEvent]) {
        if named.isEmpty { named.append(anything(catalogue)) }
        row(.remove, .cart, named[chance.below(named.count)], into: &rows)
        if chance.happens(law.lastPiece) { pieces -= 1 }
    }

    /// What an earlier visit left in the cart.
    private mutating func anything(_ catalogue: Catalogue) -> Int {
        catalogue.product(in: catalogue.category(&chance), favours: 0.5, &chance)
    }

    /// One row a product, and the page that says thank you, all at the same time.
    private mutating func purchase(
        _ law: ShopLaw, _ catalogue: Catalogue, into rows: inout [ShopEvent]
    ) -> Bool {
        for place in 0..<pieces {
            row(.purchase, .checkout, place < named.count ? named[place] : anything(catalogue), into: &rows)
        }
        row(.pageview, .thanks, into: &rows)
        pieces = 0
        named.removeAll()
        guard chance.happens(law.lingers) else { return false }
        intent = .satisfied
        choose(law)
        return true
    }

    /// Decides what comes after `coming`, and when.
    private mutating func plan(_ law: ShopLaw) -> Bool {
        let own = law[intent]
        if coming == .product || coming == .again, chance.happens(own.adds) {
            coming = .add
            due += law.adding.draw(&chance)
            return true
        }
        if chance.happens(own.changes) {
            if intent == .checkout {
                coming = .purchase
                due += law.paying.draw(&chance)
                return pieces > 0 && chance.happens(law.completes)
            }
            guard let next = own.next.choice(below: chance.uniform()), !(next.needsCart && pieces == 0) else {
                return false
            }
            intent = next
        }
        choose(law)
        return true
    }

    private mutating func choose(_ law: ShopLaw) {
        let own = law[intent]
        coming = own.does.choice(at: chance.uniform())
        due += own.dwell.draw(&chance)
    }

    private mutating func row(
        _ kind: EventKind, _ page: ShopEvent.Page, _ subject: Int = 0, into rows: inout [ShopEvent]
    ) {
        self.rows += 1
        rows.append(
            ShopEvent(
                kind: kind, page: page, subject: Int32(subject), number: self.rows, timestamp: due, session: session))
    }
}
