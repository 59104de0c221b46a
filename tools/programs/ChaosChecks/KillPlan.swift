public import EventLog

/// When and where a server is killed, round by round: a function of seed and number of kills alone.
public struct KillPlan: Sendable, Equatable {
    public enum Deed: Sendable, Equatable {
        /// kill -9 so long after it was started, be it ready by then or not.
        case anywhere(after: Duration)
        /// Asked to stop so long after it was started, and killed where it has not stopped in time.
        case stopping(after: Duration, patience: Duration)
        /// It dies at a fault point; killed all the same where it does not come there in time.
        case at(Fault)
    }

    public struct Round: Sendable, Equatable {
        public var deed: Deed
        /// Of whoever changes models beside it: where that process dies.
        public var change: Fault?
        /// From the end to the next start.
        public var downFor: Duration

        /// Where the server is to die.
        public var fault: Fault? {
            if case .at(let fault) = deed { fault } else { nil }
        }
    }

    public var rounds: [Round]
    /// Of directories of their own: when their first server is killed, while it makes them.
    public var births: [Duration]

    /// Points of those who change models; all others are a server's.
    public static let changes: [FaultPoint] = [.modelAdd, .modelPromote]

    /// Every point comes once before any comes twice, and about half of all kills beyond that fall anywhere; but the
    /// first lives end at `retention`: later nothing is left to be removed.
    public init(seed: UInt64, kills: Int) {
        var random = SeededRandom(seed)
        let changes = Self.changes
        let places = FaultPoint.allCases.filter { !changes.contains($0) && $0 != .retention }
        let removals = kills > places.count ? (kills < 20 ? 1 : 5) : 0
        let kills = kills - removals
        // In rounds of all points, each in an order of its own.
        var deck: [FaultPoint] = []
        var changeDeck: [FaultPoint] = []
        rounds = []
        births = (0..<(kills + removals + 9) / 10).map { _ in .milliseconds(Int.random(in: 1...150, using: &random)) }
        for number in 0..<kills {
            let isAnywhere = number >= places.count && Bool.random(using: &random)
            let deed: Deed
            if isAnywhere {
                let after = Duration.milliseconds(Int.random(in: 20...2_000, using: &random))
                deed =
                    Int.random(in: 0..<5, using: &random) == 0
                    ? .stopping(after: after, patience: .milliseconds(Int.random(in: 0...60, using: &random)))
                    : .anywhere(after: after)
            } else {
                if deck.isEmpty { deck = places.shuffled(using: &random) }
                let point = deck.removeLast()
                deed = .at(Fault(point, passage: Int.random(in: Self.passages(of: point), using: &random)))
            }
            var change: Fault?
            if number < changes.count || Int.random(in: 0..<4, using: &random) == 0 {
                if changeDeck.isEmpty { changeDeck = changes.shuffled(using: &random) }
                change = Fault(changeDeck.removeLast())
            }
            rounds.append(
                Round(deed: deed, change: change, downFor: .milliseconds(Int.random(in: 0...200, using: &random))))
        }
        giveAPast(places: places.count)
        let removing = (0..<removals).map { _ in
            let passage = Int.random(in: Self.passages(of: .retention), using: &random)
            return Round(deed: .at(Fault(.retention, passage: passage)), change: nil, downFor: .zero)
        }
        rounds.insert(contentsOf: removing, at: 0)
    }

    /// Nothing is folded again, and no new champion comes, before anything has happened.
    private mutating func giveAPast(places: Int) {
        if let first = rounds.indices.first(where: { rounds[$0].needsNoPast }) { rounds.swapAt(0, first) }
        guard let refold = rounds.indices.first(where: { rounds[$0].fault?.point == .refold }) else { return }
        // There is one batch by then, perhaps no second one.
        rounds[refold].deed = .at(Fault(.refold))
        if refold < places { rounds.swapAt(refold, min(places, rounds.count) - 1) }
    }

    /// Passages that a server under load comes to within seconds.
    static func passages(of point: FaultPoint) -> ClosedRange<Int> {
        switch point {
        case .append, .commitBefore, .commitAfter: 1...120
        case .positionBefore, .positionAfter: 1...80
        case .refold: 1...3
        // The first is the one at its start.
        case .modelSwap: 1...2
        // About a thousand records each.
        case .retention: 1...12
        case .checkpoint, .modelAdd, .modelPromote: 1...1
        }
    }
}

extension KillPlan.Round {
    fileprivate var needsNoPast: Bool {
        switch deed {
        case .anywhere(let after), .stopping(let after, _): after > .seconds(1)
        case .at(let fault): [.append, .commitBefore, .commitAfter, .positionBefore].contains(fault.point)
        }
    }
}
