import Events
import Simulation
import Testing

/// The truth beside what then happened, on the standard shop.
struct TruthTests {
    private static let start: Int64 = 1_767_225_600_000

    /// A session with the truth after every event before the first purchase.
    struct Visit {
        var events: [Event] = []
        var truth: [Double] = []
        var purchased = false
    }

    static func visits(_ shop: Shop, sessions: Int) -> [Visit] {
        var shop = shop
        var truth = Truth(shop)
        var visits: [String: Visit] = [:]
        while let row = shop.next(sessions: sessions) {
            let event = row.event
            let session = event.session ?? ""
            if let probability = truth.observe(row) {
                visits[session, default: Visit()].events.append(event)
                visits[session, default: Visit()].truth.append(probability)
            } else if event.kind == .purchase {
                visits[session, default: Visit()].purchased = true
            }
        }
        return Array(visits.values)
    }

    /// What is expected and what came, of one group of visits.
    struct Tally {
        var visits = 0.0
        var expected = 0.0
        var variance = 0.0
        var bought = 0.0

        mutating func add(_ probability: Double, _ purchased: Bool) {
            visits += 1
            expected += probability
            variance += probability * (1 - probability)
            bought += purchased ? 1 : 0
        }

        /// How many standard deviations the purchases are off.
        var deviations: Double { (bought - expected) / variance.squareRoot() }
        var text: String {
            func digits(_ value: Double) -> Double { (value * 100_000).rounded() / 100_000 }
            return
                "\(Int(visits)) visits: \(digits(expected / visits)) expected, \(digits(bought / visits)) bought, \(digits(deviations)) deviations"
        }
    }

    /// Holds groups of which every visit is in one to the binomial law.
    static func check(_ groups: [(name: String, tally: Tally)], leastVariance: Double = 10) {
        let large = groups.filter { $0.tally.variance >= leastVariance }
        for group in large { print("  \(group.name): \(group.tally.text)") }
        #expect(!large.isEmpty)
        for group in large { #expect(abs(group.tally.deviations) < 4.5, "\(group.name): \(group.tally.text)") }
        // The sum of the squares has as its mean the number of groups, and twice that as its variance.
        let squares = large.reduce(0) { $0 + $1.tally.deviations * $1.tally.deviations }
        let count = Double(large.count)
        #expect(squares < count + 4.5 * (2 * count).squareRoot(), "\(squares) for \(count) groups")
    }

    private static func parameters(_ kind: String) -> ShopParameters {
        var parameters = ShopParameters.standard
        switch kind {
        case "standard": break
        case "many buyers": parameters.buyerShare = 10
        case "drift, rushes and bots":
            // A month in few sessions, and much of everything.
            parameters.sessionsPerSecond = 0.08
            (parameters.drift, parameters.rush, parameters.bots) = (8, 4, 0.2)
        default: preconditionFailure("no shop \(kind)")
        }
        return parameters
    }

    /// One prefix of every visit, so that the visits are independent: those that the truth gives the same odds buy as
    /// often as it says.
    @Test(arguments: zip(["standard", "many buyers", "drift, rushes and bots"], [1, 2, 3] as [UInt64]))
    func whatItSaysComesTrueAsOftenAsItSays(kind: String, seed: UInt64) {
        let visits = Self.visits(
            Shop(seed: seed, parameters: Self.parameters(kind), start: Self.start), sessions: 120_000)
        for (name, place) in [
            ("first event", { _ in 0 }), ("fourth event", { _ in 3 }), ("twelfth event", { _ in 11 }),
            ("first add", { $0.events.firstIndex { $0.kind == .add } }),
            ("three after the first add", { $0.events.firstIndex { $0.kind == .add }.map { $0 + 3 } }),
            ("first remove", { $0.events.firstIndex { $0.kind == .remove } }),
            ("first look at the cart", { $0.events.firstIndex { $0.url == "/cart" } }),
        ] as [(String, (Visit) -> Int?)] {
            var tallies: [Int: Tally] = [:]
            for visit in visits {
                guard let place = place(visit), place < visit.truth.count else { continue }
                let truth = visit.truth[place]
                tallies[truth.exponentOfOdds, default: Tally()].add(truth, visit.purchased)
            }
            print("\(kind), seed \(seed), \(name)")
            Self.check(tallies.sorted { $0.key < $1.key }.map { ("odds of 2 to the \($0)", $1) })
        }
    }

    /// Among visits of the same short prefix (what was done, how fast) the truth's mean is the share of buyers: so no
    /// kind of prefix is favoured over another.
    @Test(arguments: [4] as [UInt64])
    func itIsTrueOfEveryKindOfShortPrefix(seed: UInt64) {
        var parameters = ShopParameters.standard
        parameters.buyerShare = 10
        let visits = Self.visits(Shop(seed: seed, parameters: parameters, start: Self.start), sessions: 150_000)
        for length in 1...4 {
            var tallies: [String: Tally] = [:]
            for visit in visits where visit.truth.count >= length {
                let prefix = visit.events.prefix(length)
                let gaps = zip(prefix, prefix.dropFirst()).map { $1.timestamp - $0.timestamp }
                let name = prefix.map { "\($0.kind) \($0.pageGroup)" } + gaps.map { $0 < 25_000 ? "fast" : "slow" }
                tallies[name.joined(separator: ", "), default: Tally()].add(visit.truth[length - 1], visit.purchased)
            }
            print("seed \(seed), \(length) events")
            Self.check(tallies.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        }
    }

    /// Products bear on it: so it does not only know what was done.
    @Test func itTellsMoreThanWhatWasDone() {
        let visits = Self.visits(Shop(seed: 5, start: Self.start), sessions: 50_000)
        let firsts = visits.filter { $0.events[0].pageGroup == "/product" }.map { $0.truth[0] }
        #expect(firsts.max() ?? 0 > 2 * (firsts.min() ?? 0))
    }

    /// What the fold cuts is nothing: a session's silence is never half an hour, no session lasts 24 hours or has 5,000
    /// events, and a shop that nobody enters any more plays all to their ends.
    @Test func noSessionIsCut() {
        var shop = Shop(seed: 6, start: Self.start)
        var sessions: [String: (first: Int64, last: Int64, events: Int)] = [:]
        var isCut = false
        while let event = shop.next(sessions: 200_000)?.event {
            var session = sessions[event.session ?? ""] ?? (event.timestamp, event.timestamp, 0)
            isCut = isCut || event.timestamp - session.last > 30 * 60_000
            session.last = event.timestamp
            session.events += 1
            sessions[event.session ?? ""] = session
        }
        #expect(!isCut)
        #expect(sessions.count == 200_000)
        #expect(shop.openSessions == 0)
        #expect(sessions.values.allSatisfy { $0.last - $0.first < 6 * 3_600_000 && $0.events < 1_000 })
    }

    @Test func rowsHaveTwelveDigits() {
        var bytes: [UInt8] = []
        for (row, probability) in [(1, 0.25), (20, 1e-12), (300, 1), (4_000, 0), (5, 2.0 / 3)] {
            Truth.writeRow(row, probability, into: &bytes)
        }
        #expect(
            String(decoding: bytes, as: UTF8.self) == """
                1,0.250000000000
                20,0.000000000001
                300,1.000000000000
                4000,0.000000000000
                5,0.666666666667

                """)
    }
}

extension Double {
    /// ⌊log₂ of the odds⌋: groups probabilities that are alike.
    fileprivate var exponentOfOdds: Int { Int((self / (1 - self)).exponent) }
}

extension Event {
    /// `/product` for any product, `/info` for any page to read.
    fileprivate var pageGroup: Substring {
        guard let url, url != "/" else { return "/" }
        return url[..<(url.dropFirst().firstIndex(of: "/") ?? url.endIndex)]
    }
}
