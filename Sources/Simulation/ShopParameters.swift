/// What may be chosen about a shop.
public struct ShopParameters: Sendable, Equatable {
    /// New sessions a second, averaged over a week without rushes; within `sessionsPerSecondLimits`.
    public var sessionsPerSecond: Double
    /// How many times their usual weight those have who come to fill a cart, to buy, or back to a cart: 1 is a real
    /// shop, more makes a shop from which little data teaches much; within `buyerShareLimits`.
    public var buyerShare: Double
    /// How many times their weight at the start those who mean to buy have thirty days later and from then on; on the
    /// way there it grows exponentially. 1 is a shop that stays as it is; within `driftLimits`.
    public var drift: Double = 1
    /// How many times as many sessions begin on Friday evenings from 18:00 to 22:00 UTC; those who mean to buy then
    /// weigh twice as much. 1 is a shop without rushes; within `rushLimits`.
    public var rush: Double = 1
    /// Share of sessions that are programs reading the catalogue; within `botLimits`.
    public var bots: Double = 0

    /// About the arrivals of the shop that the statistics in docs/simulator.md are of.
    public static let standard = ShopParameters(sessionsPerSecond: 0.63, buyerShare: 1)
    /// Mean events of a session, for turning a rate of events into one of sessions.
    public static let eventsPerSession = 7.31

    /// At the upper end two million sessions are open at a time.
    public static let sessionsPerSecondLimits = 0.000_1...10_000
    public static let buyerShareLimits = 0.01...100
    public static let driftLimits = 0.1...10
    public static let rushLimits: ClosedRange<Double> = 1...100
    public static let botLimits = 0...0.9

    public init(sessionsPerSecond: Double, buyerShare: Double) {
        self.sessionsPerSecond = sessionsPerSecond
        self.buyerShare = buyerShare
    }

    func check() {
        func check(_ value: Double, _ limits: ClosedRange<Double>, _ name: String) {
            precondition(limits.contains(value), "ShopParameters: \(name) \(value) is not within \(limits)")
        }
        check(sessionsPerSecond, Self.sessionsPerSecondLimits, "sessionsPerSecond")
        check(buyerShare, Self.buyerShareLimits, "buyerShare")
        check(drift, Self.driftLimits, "drift")
        check(rush, Self.rushLimits, "rush")
        check(bots, Self.botLimits, "bots")
    }
}
