import Events

/// One visitor's session on its way through the hidden states. An action gives one row or several; the rows of the
/// action under way wait here for their time.
struct Visit: Sendable, Equatable {
    private let session: UInt64
    private var chance: Chance
    /// When the next action happens, milliseconds since the epoch.
    private var due: Int64
    /// No action follows.
    private var isOver = false
    private var waiting: [ShopEvent] = []
    private var nextWaiting = 0
    private var intent: Intent
    /// Actions left before the intent changes.
    private var left: Int
    private let category: Int
    private var cart: [Int] = []
    private var rows = 0

    /// A gap of half an hour would end the session.
    static let longestGap_ms: Int64 = 29 * 60_000
    /// Real shops have seen no longer ones.
    private static let maxRows = 200

    /// - Parameter number: of the session in its shop, from 1.
    init(number: UInt64, seed: UInt64, start: Int64, catalogue: Catalogue, buyerShare: Double) {
        chance = Chance(seed: seed, stream: number)
        // A name that tells nothing of its place; no two numbers share one, since every step can be undone.
        session = Self.scrambled(number &+ seed &* 0x9e37_79b9_7f4a_7c15)
        due = start
        category = catalogue.drawCategory(&chance)
        let weights = IntentLaw.first.map { first in
            first.intent == .buy || first.intent == .returning ? first.probability * buyerShare : first.probability
        }
        intent = IntentLaw.first[chance.place(of: weights, sum: weights.reduce(0, +))].intent
        left = chance.geometric(mean: IntentLaw.all[intent.rawValue].actions)
        if intent == .returning {
            for _ in 0..<chance.geometric(mean: 2.5) {
                cart.append(catalogue.drawProduct(category: category, &chance))
            }
        }
    }

    /// The finaliser of SplitMix64, which is one to one.
    private static func scrambled(_ number: UInt64) -> UInt64 {
        var z = number
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// When the next row happens; `nil` where none follows.
    var nextTime: Int64? {
        if nextWaiting < waiting.count { return waiting[nextWaiting].timestamp }
        return isOver ? nil : due
    }

    /// The next row; there must be one.
    mutating func takeRow(_ catalogue: Catalogue) -> ShopEvent {
        if nextWaiting == waiting.count {
            precondition(!isOver, "Visit.takeRow: the session is over")
            waiting.removeAll(keepingCapacity: true)
            nextWaiting = 0
            act(catalogue)
        }
        nextWaiting += 1
        return waiting[nextWaiting - 1]
    }

    private var law: IntentLaw { IntentLaw.all[intent.rawValue] }

    /// Does what is due now and plans the next action.
    private mutating func act(_ catalogue: Catalogue) {
        switch IntentLaw.Action(rawValue: chance.place(of: law.weights, sum: 1)) {
        case .product: look(catalogue)
        case .search: row(.search, page: .search)
        case .click:
            let product = catalogue.drawProduct(category: category, &chance)
            row(.click, product: product, page: .category(category))
        case .cart: row(.pageview, page: intent == .checkout ? .checkout : .cart)
        case .removal where !cart.isEmpty:
            row(.remove, product: cart[cart.count - 1], page: .cart)
            // Often one of several pieces.
            if chance.happens(0.2) { cart.removeLast() }
        default:
            row(.pageview, page: chance.happens(0.3) ? .home : .category(category))
        }
        left -= 1
        if left == 0 { moveOn() }
        let gap = chance.logNormal(median: law.dwell_s, deviation: law.dwellDeviation) * 1_000
        due += min(Int64(gap), Self.longestGap_ms)
        if rows >= Self.maxRows { isOver = true }
    }

    /// A product page, mostly with its twin row, and perhaps the product goes into the cart.
    private mutating func look(_ catalogue: Catalogue) {
        let product = catalogue.drawProduct(category: category, &chance)
        let page = ShopEvent.Page.product(product)
        let twins = chance.happens(IntentLaw.twin)
        let isFirst = chance.happens(0.5)
        if twins, isFirst { row(.pageview, page: page) }
        row(.detail, product: product, page: page)
        if twins, !isFirst { row(.pageview, page: page) }
        if chance.happens(min(0.9, law.adds * catalogue.appeal(of: product))) {
            due += Int64(chance.logNormal(median: 12, deviation: 0.6) * 1_000)
            row(.add, product: product, page: page)
            cart.append(product)
        }
    }

    private mutating func moveOn() {
        if intent == .checkout {
            guard !cart.isEmpty, chance.happens(IntentLaw.completes) else {
                isOver = true
                return
            }
            due += Int64(chance.logNormal(median: 40, deviation: 0.6) * 1_000)
            for _ in 0..<min(6, chance.geometric(mean: IntentLaw.orderItems)) {
                row(.purchase, product: cart[Int(chance.uniform() * Double(cart.count))], page: .checkout)
            }
            row(.pageview, page: .thanks)
            cart = []
            intent = .satisfied
            if chance.happens(0.5) {
                isOver = true
                return
            }
        } else {
            let isEmpty = cart.isEmpty
            var share = chance.uniform()
            let next = law.next.first { next in
                share -= next.probability
                return share < 0
            }?.intent
            // Nobody pays for an empty cart.
            guard let next, !(isEmpty && (next == .checkout || next == .tidy)) else {
                isOver = true
                return
            }
            intent = next
        }
        left = chance.geometric(mean: law.actions)
    }

    private mutating func row(_ kind: EventKind, product: Int? = nil, page: ShopEvent.Page) {
        rows += 1
        waiting.append(
            ShopEvent(kind: kind, timestamp: due, session: session, number: rows, product: product, page: page))
    }
}
