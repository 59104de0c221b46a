/// A shop that never was: an endless stream of events in time order, from a seed. The same seed gives the same shop,
/// event for event; memory is bounded by the sessions that are open at a time.
public struct Shop: Sendable {
    private let seed: UInt64
    private let parameters: ShopParameters
    private let catalogue: Catalogue
    private var arrivals: Arrivals
    private var sessions: UInt64 = 0
    private var visits: [Visit] = []
    private var freeSlots: [Int32] = []
    /// The open visits by the time of their next row.
    private var agenda = Agenda()

    /// - Parameter start: when the shop opens, milliseconds since the epoch.
    public init(seed: UInt64, parameters: ShopParameters = .standard, start: Int64) {
        precondition(
            parameters.sessionsPerSecond > 0 && parameters.buyerShare > 0, "Shop.init: a shop without visitors")
        self.seed = seed
        self.parameters = parameters
        catalogue = Catalogue(seed: seed)
        arrivals = Arrivals(seed: seed, sessionsPerSecond: parameters.sessionsPerSecond, start: start)
    }

    /// The next event.
    public mutating func next() -> ShopEvent {
        while agenda.first.map({ arrivals.next <= $0.time }) ?? true { open() }
        guard let (_, slot) = agenda.first else { preconditionFailure("Shop.next: no visit is open") }
        let row = visits[Int(slot)].takeRow(catalogue)
        if let time = visits[Int(slot)].nextTime {
            agenda.replaceFirst(time: time)
        } else {
            agenda.removeFirst()
            freeSlots.append(slot)
        }
        return row
    }

    /// Sessions under way.
    public var openSessions: Int { visits.count - freeSlots.count }

    private mutating func open() {
        let start = arrivals.next
        arrivals.advance()
        sessions += 1
        let visit = Visit(
            number: sessions, seed: seed, start: start, catalogue: catalogue, buyerShare: parameters.buyerShare)
        let slot: Int32
        if let free = freeSlots.popLast() {
            slot = free
            visits[Int(slot)] = visit
        } else {
            slot = Int32(visits.count)
            visits.append(visit)
        }
        agenda.insert(time: start, slot: slot)
    }
}

/// What may be chosen about a shop.
public struct ShopParameters: Sendable, Equatable {
    /// New sessions a second, averaged over a week.
    public var sessionsPerSecond: Double
    /// How many times as many visitors as usual come to buy: 1 is a real shop, more makes a shop from which little
    /// data teaches much.
    public var buyerShare: Double

    /// About the arrivals of the shop that the statistics in docs/simulator.md are of.
    public static let standard = ShopParameters(sessionsPerSecond: 0.63, buyerShare: 1)
    /// Mean events of a session, for turning a rate of events into one of sessions.
    public static let eventsPerSession = 7.31

    public init(sessionsPerSecond: Double, buyerShare: Double) {
        self.sessionsPerSecond = sessionsPerSecond
        self.buyerShare = buyerShare
    }
}
