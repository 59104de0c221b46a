/// What may be chosen about a shop.
public struct ShopParameters: Sendable, Equatable {
    /// New sessions a second, averaged over a week; within `sessionsPerSecondLimits`.
    public var sessionsPerSecond: Double
    /// How many times their usual weight those have who come to fill a cart, to buy, or back to a cart: 1 is a real
    /// shop, more makes a shop from which little data teaches much; within `buyerShareLimits`.
    public var buyerShare: Double

    /// About the arrivals of the shop that the statistics in docs/simulator.md are of.
    public static let standard = ShopParameters(sessionsPerSecond: 0.63, buyerShare: 1)
    /// Mean events of a session, for turning a rate of events into one of sessions.
    public static let eventsPerSession = 7.31

    /// At the upper end two million sessions are open at a time.
    public static let sessionsPerSecondLimits = 0.000_1...10_000
    public static let buyerShareLimits = 0.01...100

    public init(sessionsPerSecond: Double, buyerShare: Double) {
        self.sessionsPerSecond = sessionsPerSecond
        self.buyerShare = buyerShare
    }

    func check() {
        precondition(
            Self.sessionsPerSecondLimits.contains(sessionsPerSecond),
            "ShopParameters: sessionsPerSecond \(sessionsPerSecond) is not within \(Self.sessionsPerSecondLimits)")
        precondition(
            Self.buyerShareLimits.contains(buyerShare),
            "ShopParameters: buyerShare \(buyerShare) is not within \(Self.buyerShareLimits)")
    }
}
