/// A shop that never was: an endless stream of events in time order. The same seed, parameters and start give the same
/// stream, event for event; memory is bounded by the sessions that are open at a time.
///
/// The seed alone decides what the shop is: its products and how well each sells. Seed and start together decide who
/// comes. So a shop's history and its present are two streams of one seed, and share products but no session.
public struct Shop: Sendable {
    private let catalogue: Catalogue
    /// Of this stream of visits.
    private let key: UInt64
    private let first: Weights<Intent>
    private var arrivals: Arrivals
    private var sessions: UInt64 = 0
    private var visits: ContiguousArray<Visit> = []
    private var freeSlots: [Int32] = []
    /// The open visits by the time of their next action.
    private var agenda = Agenda()
    /// The rows of the last action, all at the same time; those before `nextRow` are out.
    private var rows: [ShopEvent] = []
    private var nextRow = 0

    /// - Parameter start: when the shop opens, milliseconds since the epoch, not before it.
    public init(seed: UInt64, parameters: ShopParameters = .standard, start: Int64) {
        parameters.check()
        precondition(start >= 0, "Shop.init: opens at \(start), before 1970")
        catalogue = Catalogue(seed: seed)
        key = Chance.key(seed, UInt64(start))
        var first = IntentLaw.first
        for intent in [Intent.collect, .buy, .returning] { first[intent] *= parameters.buyerShare }
        self.first = first
        arrivals = Arrivals(seed: key, sessionsPerSecond: parameters.sessionsPerSecond, start: start)
    }

    /// The next event.
    public mutating func next() -> ShopEvent {
        if nextRow == rows.count { act() }
        nextRow += 1
        return rows[nextRow - 1]
    }

    /// Sessions under way.
    public var openSessions: Int { visits.count - freeSlots.count }

    private mutating func act() {
        rows.removeAll(keepingCapacity: true)
        nextRow = 0
        while agenda.first.map({ arrivals.next <= $0.time }) ?? true { open() }
        guard let (_, slot) = agenda.first else { preconditionFailure("Shop.act: no visit is open") }
        if visits[Int(slot)].act(catalogue, into: &rows) {
            agenda.replaceFirst(time: visits[Int(slot)].due)
        } else {
            agenda.removeFirst()
            freeSlots.append(slot)
        }
    }

    private mutating func open() {
        let start = arrivals.next
        arrivals.advance()
        sessions += 1
        let visit = Visit(
            name: Chance.mixed(key &+ sessions), start: start, chance: Chance(seed: key, stream: sessions),
            first: first, catalogue: catalogue)
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
