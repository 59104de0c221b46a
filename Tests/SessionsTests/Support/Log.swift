import Events
import Sessions

/// One record as the fold is given it.
struct Record: Sendable {
    var offset: Int64
    var time: Int64
    var entry: LogEntry?
}

/// Parameters so small that everything happens often.
let small = FoldParameters(idleGap_ms: 30, maxRecords: 6, maxDuration_ms: 100, maxReplays: 2)

/// 2 October 2019, a Wednesday, 07:06:40 UTC.
let base: Int64 = 1_570_000_000_000

/// A live event of a session at a time that is the record's and the event's own.
func live(
    _ offset: Int64, _ session: String, at time: Int64, _ kind: EventKind = .pageview, id: String? = nil,
    sku: String? = nil, url: String? = nil, quantity: Int? = nil, own: Int64? = nil
) -> Record {
    let event = Event(
        id: id ?? "e\(offset)", session: session, kind: kind, timestamp: own ?? time, sku: sku, url: url,
        quantity: quantity)
    return Record(offset: offset, time: time, entry: .event(event, timeline: .live))
}

/// As `live`, on a replay. Its append time says nothing.
func replayed(_ offset: Int64, _ session: String, at time: Int64, on name: String, id: String? = nil) -> Record {
    let event = Event(id: id ?? "e\(offset)", session: session, kind: .pageview, timestamp: time)
    return Record(offset: offset, time: base + 999_999_999, entry: .event(event, timeline: .replay(name)))
}

func tick(_ offset: Int64, at time: Int64) -> Record { Record(offset: offset, time: time, entry: .tick) }

func end(_ offset: Int64, of name: String) -> Record { Record(offset: offset, time: base, entry: .end(replay: name)) }

/// A log in which few keys, ids and times do all that a log can do.
struct RandomLog {
    static let sessions = ["a", "b", "é", "e\u{301}", "a long session id of more than fifteen bytes"]
    static let visitors = ["a", "v"]
    static let replays = ["r\"1", "r2", "live too"]
    static let pages = [
        ("/p", "/p?x=1"), ("/p", "https://shop/p#top"), ("/q", "/q"), ("hash", "hash"), ("/", "http://shop"),
    ]

    /// Whether append times may stand still but never go back, and offsets leave no gaps.
    var isTidy = false

    func records(_ count: Int, _ random: inout SeededGenerator) -> [Record] {
        var records: [Record] = []
        var offset = Int64(random.below(5))
        var time = base
        var replayTimes = Self.replays.map { _ in base - 1_000_000 }
        for _ in 0..<count {
            time += Int64(random.one(of: [0, 0, 0, 0, 1, 1, 2, 3, 5, 8]))
            if random.once(in: 12) { time += Int64(random.one(of: [28, 29, 30, 31])) }
            if random.once(in: 25) { time += 70 }
            if !isTidy, random.once(in: 20) { time -= 10 }
            var record = Record(offset: offset, time: time, entry: nil)
            switch random.below(30) {
            case 0: record.entry = .tick
            case 1: record.entry = .end(replay: random.one(of: Self.replays))
            case 2 where !isTidy: break
            case 3...10:
                let replay = random.below(Self.replays.count)
                replayTimes[replay] += Int64(random.one(of: [0, 0, 1, 2, 5, 12, 30, 31]))
                let late: Int64 = !isTidy && random.once(in: 10) ? 40 : 0
                let event = event(at: replayTimes[replay] - late, &random)
                record.entry = .event(event, timeline: .replay(Self.replays[replay]))
            default:
                // Own times wander: out of order, equal, and ahead.
                record.entry = .event(event(at: time - 20 + Int64(random.below(25)), &random), timeline: .live)
            }
            records.append(record)
            offset += !isTidy && random.once(in: 12) ? Int64(1 + random.below(3)) : 1
        }
        return records
    }

    private func event(at time: Int64, _ random: inout SeededGenerator) -> Event {
        // One key is busy enough to be muted again and again.
        let isBusy = random.once(in: 2)
        let isVisitor = !isBusy && random.once(in: 4)
        return Event(
            id: "\(random.below(12))",
            session: isVisitor ? nil : isBusy ? Self.sessions[2] : random.one(of: Self.sessions),
            visitor: isVisitor || random.once(in: 3) ? random.one(of: Self.visitors) : nil,
            kind: random.once(in: 12) ? .purchase : random.one(of: EventKind.allCases.filter { $0 != .purchase }),
            timestamp: time, sku: random.once(in: 2) ? "k\(random.below(3))" : nil,
            url: random.once(in: 2) ? random.one(of: Self.pages).1 : nil,
            quantity: random.once(in: 4) ? 1 + random.below(3) : nil)
    }
}
