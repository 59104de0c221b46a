import Events

/// The forward algorithm over the shop's hidden states, with nothing to go by but a session's events: how a belief takes
/// an event in, and which probability of a purchase follows from it. docs/simulator.md has the equations.
struct Filter: Sendable {
    private typealias Carts = Outlook.Carts

    private let law: ShopLaw
    private let catalogue: Catalogue
    private let crowd: Crowd
    private let outlook: Outlook
    private let moves: [Move]
    /// The law of the cart that an earlier visit left.
    private let leftCart: Carts

    /// What an intent becomes before the next action, with which probability by cart.
    private struct Move: Sendable {
        var from: Int
        var to: Int
        var probability: Carts
    }

    init(law: ShopLaw, catalogue: Catalogue, crowd: Crowd) {
        self.law = law
        self.catalogue = catalogue
        self.crowd = crowd
        outlook = Outlook(law)
        moves = Intent.allCases.flatMap { from in
            let own = law[from]
            let stays = Move(
                from: from.rawValue, to: from.rawValue, probability: Carts(repeating: 1 - own.changes))
            // A checkout becomes a purchase or an end.
            let changes = Intent.allCases.filter { own.next[$0] > 0 && from != .checkout }.map { to in
                Move(
                    from: from.rawValue, to: to.rawValue,
                    probability: own.changes * own.next[to] * (to.needsCart ? Outlook.filled : .one))
            }
            return [stays] + changes
        }
        var left = Carts.zero
        var more = 1.0
        for pieces in 1...Visit.cartLimit {
            left[pieces] = pieces == Visit.cartLimit ? more : more * (1 - law.another)
            more *= law.another
        }
        leftCart = left
    }

    /// Takes an event into a belief.
    ///
    /// - Returns: the probability of a purchase later in the session, nil from the first purchase on.
    func observe(_ event: ShopEvent, _ belief: inout Belief) -> Double? {
        if event.kind == .purchase { belief.hasBought = true }
        if belief.hasBought { return nil }
        // Two actions never share a time: this is the twin of a row that has told everything.
        if event.timestamp != belief.time {
            if event.kind == .add { add(&belief) } else { act(event, &belief) }
            belief.normalise()
            belief.time = event.timestamp
        }
        return probability(belief)
    }

    private func probability(_ belief: Belief) -> Double {
        var sum = Carts.zero
        for intent in belief.mass.indices {
            sum +=
                belief.mass[intent]
                * (belief.hasLooked ? outlook.afterLook[intent] : outlook.beforeChange[intent])
        }
        return sum.sum()
    }

    /// The product that was looked at went into the cart.
    private func add(_ belief: inout Belief) {
        precondition(belief.hasLooked, "Filter.add: without a look at a product")
        for intent in belief.mass.indices {
            let mass = belief.mass[intent] * law.intents[intent].adds
            var more = Outlook.shiftedUp(mass)
            more[Visit.cartLimit] += mass[Visit.cartLimit]
            belief.mass[intent] = more
        }
        belief.hasLooked = false
    }

    /// Any other action, drawn by what the visitor is after.
    private func act(_ event: ShopEvent, _ belief: inout Belief) {
        let sighting = Sighting(event, belief, law, catalogue)
        if let last = belief.time {
            predict(&belief)
            let gap = Dwell.Gap(event.timestamp - last)
            // Most visitors can't be after everything.
            for intent in belief.mass.indices where belief.mass[intent] != .zero {
                belief.mass[intent] *=
                    law.intents[intent].dwell.probability(of: gap) * sighting.likelihood(law.intents[intent])
            }
        } else {
            begin(&belief, sighting, at: event.timestamp)
        }
        switch sighting {
        case .remove: takeOut(&belief)
        case .look:
            let product = Int(event.subject)
            if !belief.seen.contains(product) { belief.seen.append(product) }
            belief.category = belief.category ?? product / Catalogue.ranks
            belief.hasLooked = true
            return
        case .page(.category): belief.category = belief.category ?? Int(event.subject)
        case .page, .cart: break
        }
        belief.hasLooked = false
    }

    /// The first action. Who comes back to a cart begins with a look at it, whatever they do later.
    private func begin(_ belief: inout Belief, _ sighting: Sighting, at time: Int64) {
        let first = crowd.intents(at: time)
        for intent in Intent.allCases where intent != .returning {
            var empty = Carts.zero
            empty[0] = first[intent]
            belief.mass[intent.rawValue] = empty * sighting.likelihood(law.intents[intent.rawValue])
        }
        if case .cart = sighting { belief.mass[Intent.returning.rawValue] = first[.returning] * leftCart }
    }

    /// From just after an action to just before the next: nothing went into the cart, the intent may have changed.
    private func predict(_ belief: inout Belief) {
        let before = belief.mass
        for intent in belief.mass.indices { belief.mass[intent] = .zero }
        for move in moves {
            let stays = belief.hasLooked ? 1 - law.intents[move.from].adds : 1
            belief.mass[move.to] += stays * before[move.from] * move.probability
        }
    }

    /// The piece that was taken out may have been the last of its product.
    private func takeOut(_ belief: inout Belief) {
        for intent in belief.mass.indices {
            let mass = belief.mass[intent]
            belief.mass[intent] = (1 - law.lastPiece) * mass + law.lastPiece * Outlook.shiftedDown(mass)
        }
    }
}
