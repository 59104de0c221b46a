/// The probability of a purchase later in the session for a visitor whose hidden state is known: derived from the shop's
/// law alone, once. docs/simulator.md has the equations.
///
/// Lane k of a vector is a cart of k products; the last lane is a full one.
struct Outlook: Sendable {
    typealias Carts = SIMD8<Double>

    /// By intent: when it is about to be decided whether the intent changes.
    private(set) var beforeChange: ContiguousArray<Carts>
    /// By intent: just after a product's page was looked at, before it is decided whether it goes into the cart.
    private(set) var afterLook: ContiguousArray<Carts>

    /// Lanes of what only a cart with something in it allows.
    static let filled = Carts(0, 1, 1, 1, 1, 1, 1, 1)

    /// Lane k has what lane k − 1 had, the first lane nothing.
    static func shiftedUp(_ values: Carts) -> Carts {
        precondition(Visit.cartLimit == Carts.scalarCount - 1, "Outlook: a lane for every cart")
        return Carts(0, values[0], values[1], values[2], values[3], values[4], values[5], values[6])
    }

    /// Lane k has what lane k + 1 had, the last lane nothing.
    static func shiftedDown(_ values: Carts) -> Carts {
        Carts(values[1], values[2], values[3], values[4], values[5], values[6], values[7], 0)
    }

    init(_ law: ShopLaw) {
        let zeros = ContiguousArray(repeating: Carts.zero, count: Intent.allCases.count)
        beforeChange = zeros
        afterLook = zeros
        // After n rounds a purchase within n actions is known: from below, to the last digit.
        var change = 1.0
        while change > 1e-17 {
            let before = beforeChange
            step(law)
            change = zip(before, beforeChange).reduce(0) { max($0, ($1.1 - $1.0).max()) }
        }
    }

    /// One round: what is known of a purchase within n actions becomes what is known of n + 1.
    private mutating func step(_ law: ShopLaw) {
        let beforeAction = Intent.allCases.map { Self.beforeAction(law, law[$0], self, $0) }
        for intent in Intent.allCases {
            let own = law[intent]
            var after = Carts.zero
            if intent == .checkout {
                after = Self.filled * law.completes
            } else {
                for next in Intent.allCases where own.next[next] > 0 {
                    after += own.next[next] * beforeAction[next.rawValue] * (next.needsCart ? Self.filled : .one)
                }
            }
            beforeChange[intent.rawValue] =
                (1 - own.changes) * beforeAction[intent.rawValue] + own.changes * after
        }
        for intent in Intent.allCases {
            let adds = law[intent].adds
            let value = beforeChange[intent.rawValue]
            var added = Self.shiftedDown(value)
            added[Visit.cartLimit] = value[Visit.cartLimit]
            afterLook[intent.rawValue] = adds * added + (1 - adds) * value
        }
    }

    /// When the next action of this intent is about to be drawn.
    private static func beforeAction(_ law: ShopLaw, _ own: IntentLaw, _ known: Outlook, _ intent: Intent) -> Carts {
        let looks = own.shares[.product] + own.shares[.again]
        let removes = own.shares[.remove]
        let stay = known.beforeChange[intent.rawValue]
        // Where there is nothing to take out, a look at the cart.
        let taken = filled * (law.lastPiece * shiftedUp(stay) + (1 - law.lastPiece) * stay) + (.one - filled) * stay
        return looks * known.afterLook[intent.rawValue] + removes * taken + (1 - looks - removes) * stay
    }
}

extension SIMD8<Double> {
    static var one: Self { Self(repeating: 1) }
}
