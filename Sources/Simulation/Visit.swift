import Events

/// One visitor's session on its way through the hidden states.
struct Visit: Sendable {
    private let session: UInt64
    private var chance: Chance
    /// When `coming` happens, milliseconds since the epoch.
    private(set) var due: Int64
    private var coming: Action
    private var intent: Intent
    /// What the visitor came for.
    private let category: Int
    /// The product of the last product page.
    private var product = 0
    private var seen = ShortList()
    private var cart = ShortList()
    private var rows: UInt32 = 0

    /// - Parameters:
    ///   - name: the session's id.
    ///   - chance: of this visit alone.
    ///   - first: with which intent it begins, by weight.
    init(name: UInt64, start: Int64, chance: Chance, first: Weights<Intent>, catalogue: Catalogue) {
        session = name
        due = start
        self.chance = chance
        category = catalogue.category(&self.chance)
        intent = first.choice(at: self.chance.uniform())
        guard intent == .returning else {
            coming = IntentLaw.all[intent.rawValue].does.choice(at: self.chance.uniform())
            return
        }
        coming = .cart
        repeat {
            cart.append(catalogue.product(near: category, &self.chance))
        } while self.chance.happens(IntentLaw.another)
    }

    /// Does what is due, appends its rows and plans what comes next. False where nothing does: the session is over.
    mutating func act(_ catalogue: Catalogue, into rows: inout [ShopEvent]) -> Bool {
        switch coming {
        case .home: row(.pageview, .home, into: &rows)
        case .category: row(.pageview, .category, category, into: &rows)
        case .info: row(.pageview, .info, catalogue.info(&chance), into: &rows)
        case .search: row(.pageview, .search, catalogue.query(in: category, &chance), into: &rows)
        case .cart: row(.pageview, .cart, into: &rows)
        case .checkout: row(.pageview, .checkout, into: &rows)
        case .again where !seen.isEmpty: look(at: seen[chance.below(seen.count)], into: &rows)
        case .product, .again: look(at: catalogue.product(near: category, &chance), into: &rows)
        case .remove where !cart.isEmpty: remove(into: &rows)
        case .remove: row(.pageview, .cart, into: &rows)
        case .add:
            row(.add, .product, product, into: &rows)
            cart.append(product)
        case .purchase: return purchase(into: &rows)
        }
        return plan(catalogue)
    }

    /// A product page, mostly with its twin row.
    private mutating func look(at product: Int, into rows: inout [ShopEvent]) {
        self.product = product
        if !seen.contains(product) { seen.append(product) }
        let hasTwin = chance.happens(IntentLaw.twin)
        let isTwinFirst = chance.happens(0.5)
        if hasTwin, isTwinFirst { row(.pageview, .product, product, into: &rows) }
        row(.detail, .product, product, into: &rows)
        if hasTwin, !isTwinFirst { row(.pageview, .product, product, into: &rows) }
    }

    private mutating func remove(into rows: inout [ShopEvent]) {
        product = cart[cart.count - 1]
        row(.remove, .cart, product, into: &rows)
        if chance.happens(IntentLaw.lastPiece) { cart.removeLast() }
    }

    /// One row a product, and the page that says thank you, all at the same time.
    private mutating func purchase(into rows: inout [ShopEvent]) -> Bool {
        for place in 0..<cart.count { row(.purchase, .checkout, cart[place], into: &rows) }
        row(.pageview, .thanks, into: &rows)
        cart.removeAll()
        guard chance.happens(IntentLaw.lingers) else { return false }
        intent = .satisfied
        choose()
        return true
    }

    /// Decides what comes after `coming`, and when.
    private mutating func plan(_ catalogue: Catalogue) -> Bool {
        let law = IntentLaw.all[intent.rawValue]
        if coming == .product || coming == .again,
            chance.happens(min(0.9, law.adds * catalogue.appeal(of: product)))
        {
            coming = .add
            wait(IntentLaw.adding)
            return true
        }
        if chance.happens(1 / law.actions) {
            if intent == .checkout {
                coming = .purchase
                wait(IntentLaw.paying)
                return !cart.isEmpty && chance.happens(IntentLaw.completes)
            }
            guard let next = law.next.choice(below: chance.uniform()), !(next.needsCart && cart.isEmpty) else {
                return false
            }
            intent = next
        }
        choose()
        return true
    }

    private mutating func choose() {
        let law = IntentLaw.all[intent.rawValue]
        coming = law.does.choice(at: chance.uniform())
        wait(law.dwell)
    }

    private mutating func wait(_ dwell: IntentLaw.Dwell) {
        due += Int64(chance.logNormal(median: dwell.median_s, deviation: dwell.deviation) * 1_000)
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

extension Intent {
    /// Nobody pays for an empty cart, or empties one.
    fileprivate var needsCart: Bool { self == .checkout || self == .tidy }
}
