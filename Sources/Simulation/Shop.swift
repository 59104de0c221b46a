/// A shop that never was: a stream of events in time order. The same seed, parameters and start give the same stream,
/// event for event; memory is bounded by the sessions that are open at a time.
///
/// The seed alone decides what the shop is: its products and which of them are favourites. Seed and start together
/// decide who comes. So a shop's history and its present are two streams of one seed, and share products but no session.
public struct Shop: Sendable {
    let law: ShopLaw
    let catalogue: Catalogue
    let crowd: Crowd
    /// Of this stream of visits.
    private let key: UInt64
    private var arrivals: Arrivals
    /// Sessions that have begun.
    public private(set) var sessionsBegun = 0
    private var visits: ContiguousArray<Visit> = []
    private var freeSlots: [Int32] = []
    /// The open visits by the time of their next action.
    private var agenda = Agenda()
    /// The rows of the last action, all at the same time; those before `nextRow` are out.
    private var rows: [ShopEvent] = []
    private var nextRow = 0

    /// - Parameter start: when the shop opens, milliseconds since the epoch, not before it.
    public init(seed: UInt64, parameters: ShopParameters = .standard, start: Int64) {
        self.init(seed: seed, parameters: parameters, start: start, law: .standard)
    }

    package init(seed: UInt64, parameters: ShopParameters = .standard, start: Int64, law: ShopLaw) {
        parameters.check()
        precondition(start >= 0, "Shop.init: opens at \(start), before 1970")
        self.law = law
        catalogue = Catalogue(seed: seed)
        crowd = Crowd(law.first, parameters: parameters, start: start)
        key = Chance.key(seed, UInt64(start))
        arrivals = Arrivals(seed: key, parameters: parameters, start: start)
    }

    /// The next event; there is always one.
    public mutating func next() -> ShopEvent {
        guard let event = next(sessions: .max) else { preconditionFailure("Shop.next: nobody comes any more") }
        return event
    }

    /// The next event of a shop that nobody enters after so many sessions have begun: nil when the last of them is over.
    /// So no session is cut.
    public mutating func next(sessions limit: Int) -> ShopEvent? {
        if nextRow == rows.count {
            guard act(limit) else { return nil }
        }
        nextRow += 1
        return rows[nextRow - 1]
    }

    /// Sessions under way.
    public var openSessions: Int { visits.count - freeSlots.count }

    private mutating func act(_ limit: Int) -> Bool {
        rows.removeAll(keepingCapacity: true)
        nextRow = 0
        while sessionsBegun < limit, agenda.first.map({ arrivals.next <= $0.time }) ?? true { open() }
        guard let (_, slot) = agenda.first else { return false }
        if visits[Int(slot)].act(law, catalogue, into: &rows) {
            agenda.replaceFirst(time: visits[Int(slot)].due)
        } else {
            agenda.removeFirst()
            freeSlots.append(slot)
            rows[rows.count - 1].isLast = true
        }
        return true
    }

    private mutating func open() {
        let start = arrivals.next
        arrivals.advance()
        sessionsBegun += 1
        let number = UInt64(sessionsBegun)
        let visit = Visit(
            name: Chance.mixed(key &+ number), start: start, chance: Chance(seed: key, stream: number),
            first: crowd.intents(at: start), law: law, catalogue: catalogue)
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
