import Events
import Simulation
import Testing

/// The truth beside every hidden path of a shop so small that all of them can be walked.
///
/// Every intent lasts one action and none comes back, so paths end; every wait is one number of milliseconds, so a prefix
/// with its times comes again and again; products say nothing, so one stands for all.
struct EnumerationTests {
    private static func wait(_ median_s: Double) -> Dwell { Dwell(median_s: median_s + 0.000_5, deviation: 1e-9) }

    private static let law = ShopLaw(
        first: [.browse: 3, .research: 1, .collect: 2, .returning: 1],
        completes: 0.7, lingers: 0, another: 0.3, lastPiece: 0.4, twin: 0, focus: 1, adding: wait(3), paying: wait(7)
    ) { intent in
        func law(
            _ wait_s: Double, _ does: Weights<Action>, adds: Double = 0, _ next: Weights<Intent> = [:]
        ) -> IntentLaw {
            IntentLaw(actions: 1, dwell: wait(wait_s), does: does, favours: 0.2, adds: adds, next: next)
        }
        return switch intent {
        case .browse:
            law(5, [.home: 1, .product: 2, .search: 1], adds: 0.3, [.collect: 0.5, .research: 0.2, .checkout: 0.2])
        case .research: law(5, [.product: 2, .guide: 1], adds: 0.1, [.collect: 0.3, .buy: 0.2])
        case .collect: law(9, [.product: 3, .cart: 1], adds: 0.5, [.buy: 0.2, .checkout: 0.3, .tidy: 0.3])
        case .buy: law(5, [.product: 3, .terms: 1, .cart: 1], adds: 0.6, [.checkout: 0.9])
        case .returning: law(5, [.cart: 1, .product: 1], adds: 0.2, [.tidy: 0.5, .checkout: 0.3, .browse: 0.1])
        case .tidy: law(5, [.remove: 3, .cart: 1], [.bounce: 0.5, .checkout: 0.3])
        // Takes out what the tidy left, or looks at an empty cart.
        case .bounce: law(9, [.remove: 2, .cart: 1], [.checkout: 0.5])
        case .checkout: law(5, [.checkout: 2, .cart: 1, .terms: 1])
        case .satisfied, .bot: law(5, [.home: 1])
        }
    }

    /// All paths from one first intent: by prefix, its probability, and that with a purchase later.
    private struct Paths {
        private(set) var weights: [String: (all: Double, buying: Double)] = [:]

        init(from intent: Intent) {
            guard intent == .returning else {
                _ = choose(intent, pieces: 0, prefix: "", gap: 0, probability: 1)
                return
            }
            var left = 1.0
            for pieces in 1...7 {
                let share = pieces == 7 ? left : left * (1 - law.another)
                _ = act(.cart, intent, pieces: pieces, prefix: "", gap: 0, probability: share)
                left *= law.another
            }
        }

        /// Every way on from where an action is about to be drawn: each returns the probability of a purchase.
        private mutating func choose(
            _ intent: Intent, pieces: Int, prefix: String, gap: Int, probability: Double
        ) -> Double {
            let does = law[intent].does
            return (0..<12).compactMap(Action.init).filter { does[$0] > 0 }.reduce(0) { sum, action in
                let share = does[action] / does.total
                return sum + share
                    * act(action, intent, pieces: pieces, prefix: prefix, gap: gap, probability: probability * share)
            }
        }

        private mutating func act(
            _ action: Action, _ intent: Intent, pieces: Int, prefix: String, gap: Int, probability: Double
        ) -> Double {
            let shown = action == .remove && pieces == 0 ? .cart : action
            let prefix = prefix + " \(gap) \(shown)"
            let ways: [(pieces: Int, share: Double)] =
                switch shown {
                case .remove: [(pieces - 1, law.lastPiece), (pieces, 1 - law.lastPiece)]
                case .add: [(min(7, pieces + 1), 1)]
                default: [(pieces, 1)]
                }
            return ways.reduce(0) { sum, way in
                let weight = probability * way.share
                let buys = goOn(
                    intent, pieces: way.pieces, prefix: prefix, hasLooked: shown == .product, probability: weight)
                let known = weights[prefix] ?? (0, 0)
                weights[prefix] = (known.all + weight, known.buying + weight * buys)
                return sum + way.share * buys
            }
        }

        private mutating func goOn(
            _ intent: Intent, pieces: Int, prefix: String, hasLooked: Bool, probability: Double
        ) -> Double {
            let own = law[intent]
            let adds = hasLooked ? own.adds : 0
            var buys = 0.0
            if adds > 0 {
                let added = probability * adds
                buys += adds * act(.add, intent, pieces: pieces, prefix: prefix, gap: 3_000, probability: added)
            }
            if intent == .checkout { return buys + (1 - adds) * (pieces > 0 ? law.completes : 0) }
            for next in Intent.allCases where own.next[next] > 0 && !(next.needsCart && pieces == 0) {
                let share = (1 - adds) * own.next[next]
                buys +=
                    share
                    * choose(
                        next, pieces: pieces, prefix: prefix, gap: Int(law[next].dwell.median_s) * 1_000,
                        probability: probability * share)
            }
            return buys
        }
    }

    private static let paths = [Intent.browse, .research, .collect, .returning].map { ($0, Paths(from: $0)) }

    /// What all paths together say of a prefix of a session that began at this time.
    private static func enumerated(_ prefix: String, start: Int64) -> Double {
        var (all, buying) = (0.0, 0.0)
        for (intent, paths) in paths {
            let factor = [.collect, .buy, .returning].contains(intent) ? Rhythm.buyers(at: start) : 1
            let weights = paths.weights[prefix] ?? (0, 0)
            all += law.first[intent] * factor * weights.all
            buying += law.first[intent] * factor * weights.buying
        }
        return buying / all
    }

    @Test(arguments: [1, 2] as [UInt64])
    func itIsWhatAllPathsTogetherSay(seed: UInt64) {
        let shop = Shop(seed: seed, start: 1_767_225_600_000, law: Self.law)
        var worst = 0.0
        var tallies: [String: TruthTests.Tally] = [:]
        for visit in TruthTests.visits(shop, sessions: 60_000) {
            var prefix = ""
            var time = visit.events[0].timestamp
            for (event, truth) in zip(visit.events, visit.truth) {
                prefix += " \(event.timestamp - time) \(event.action)"
                time = event.timestamp
                worst = max(worst, abs(truth - Self.enumerated(prefix, start: visit.events[0].timestamp)))
                tallies[prefix, default: TruthTests.Tally()].add(truth, visit.purchased)
            }
        }
        print("seed \(seed): \(tallies.count) prefixes, the largest difference is \(worst)")
        #expect(tallies.count > 300)
        #expect(worst < 1e-12)
        // What is said of a prefix is also what happens: as often as the law says, up to chance.
        let large = tallies.filter { $0.value.variance > 20 }
        #expect(large.count > 50)
        for (prefix, tally) in large { #expect(abs(tally.deviations) < 4.5, "\(prefix): \(tally.text)") }
    }
}

extension Event {
    /// The action that an event of this shop shows.
    fileprivate var action: Action {
        switch kind {
        case .detail: .product
        case .add: .add
        case .remove: .remove
        default:
            switch url {
            case "/": .home
            case "/search": .search
            case "/cart": .cart
            case "/checkout": .checkout
            case "/info/00", "/info/01", "/info/02", "/info/03", "/info/04": .guide
            default: .terms
            }
        }
    }
}
