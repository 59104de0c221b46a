import Collector
import EventLog
import Events

/// A page: posts what a visitor does, alone or in batches, and posts it again with the same ids until it hears what
/// became of it.
struct Client: Sendable {
    let number: Int
    let shop: Shop

    private var world: World { shop.world }

    func run() async {
        for visit in 0..<shop.law.visitsPerClient {
            await world.sleep(world.random.below(20_000))
            await browse(visit)
        }
    }

    private func browse(_ visit: Int) async {
        let law = shop.law
        let isShared = law.sharesOneIn > 0 && world.random.once(in: law.sharesOneIn)
        let session = isShared ? "shared" : "c\(number)v\(visit)"
        var order: [Ledger.Name] = []
        var serial = 0
        for _ in 0..<world.random.within(1...8) {
            var events: [Event] = []
            for _ in 0..<world.random.one(of: [1, 1, 2, 5]) {
                serial += 1
                events.append(event(session, "e\(number)-\(visit)-\(serial)"))
            }
            for event in events { shop.ledger.note(event) }
            // The same event twice in one body, now and then.
            let copy = world.random.once(in: 12) ? [events[0]] : []
            guard await post(events + copy) else {
                // Given up: what follows may stand before what a later repetition brings.
                order = []
                break
            }
            order += events.map(Ledger.name)
            if law.resendsOneIn > 0, world.random.once(in: law.resendsOneIn) { _ = await post(events) }
            if law.sleepsOneIn > 0, world.random.once(in: law.sleepsOneIn) {
                await world.sleep(world.random.within(50_000...200_000))
            } else {
                await world.sleep(world.random.below(8_000))
            }
        }
        if !isShared, !order.isEmpty { shop.ledger.keep(order: order) }
    }

    private func event(_ session: String, _ id: String) -> Event {
        let kind = world.random.one(of: [
            EventKind.pageview, .detail, .detail, .detail, .add, .remove, .search, .click, .purchase,
        ])
        let isVisitor = session.hasSuffix("v1")
        let late = world.random.once(in: 10) ? 5_000 : 0
        return Event(
            id: id, session: isVisitor ? nil : session, visitor: isVisitor ? session : nil, kind: kind,
            timestamp: world.wallTime - Int64(late), sku: kind == .pageview ? nil : "k\(world.random.below(4))",
            url: world.random.once(in: 2) ? "https://shop.example/c/\(world.random.below(5))?a=1" : nil,
            query: kind == .search ? "red \"shoes\"" : nil, quantity: kind == .add ? world.random.within(1...3) : nil)
    }

    /// Whether every event was judged for good in the end.
    private func post(_ events: [Event]) async -> Bool {
        var open = events
        for attempt in 1...shop.law.givesUpAfter {
            if attempt > 1 { await world.sleep(world.random.within(50...2_000)) }
            guard let collector = shop.collector, collector.door.enter() else { continue }
            let reply = await collector.intake.take(body: body(open)) { "unasked" }
            collector.door.leave()
            // The connection broke: what became of it is unknown.
            guard collector.process.isAlive else { continue }
            guard case .judged(let verdicts) = reply else { continue }
            world.expect(verdicts.count == open.count, "\(verdicts.count) verdicts for \(open.count) events")
            var again: [Event] = []
            for (event, verdict) in zip(open, verdicts) {
                switch verdict {
                case .stored, .duplicate: shop.ledger.acknowledge(event)
                case .retry: again.append(event)
                case .rejected: world.fail("\(Ledger.name(event)) is rejected")
                }
            }
            world.trace("client \(number): \(open.count) posted, \(open.count - again.count) judged")
            if again.isEmpty { return true }
            open = again
        }
        return false
    }

    private func body(_ events: [Event]) -> [UInt8] {
        let texts = events.map { event in
            String(decoding: RecordCoder.encode(event, timeline: .live, received: event.timestamp), as: UTF8.self)
                .replacing(",\"received\":\(event.timestamp)", with: "")
        }
        return Array("[\(texts.joined(separator: ","))]".utf8)
    }
}

/// A file that is replayed: rows in time order, the last stored row asked for after every unknown outcome.
struct ReplayClient: Sendable {
    let shop: Shop
    static let name = "history"

    func run() async {
        let world = shop.world
        var time: Int64 = 1_600_000_000_000
        for number in 1...world.random.within(5...60) {
            time += Int64(world.random.one(of: [0, 1_000, 9_000, 61_000]))
            let kind = world.random.one(of: [EventKind.pageview, .detail, .add, .purchase])
            shop.ledger.rows.append(
                Event(
                    id: "\(number)", session: "r\(world.random.below(6))", kind: kind, timestamp: time,
                    sku: kind == .pageview ? nil : "k1"))
        }
        let rows = shop.ledger.rows.enumerated().map { index, event in
            ReplayRow(
                number: Int64(index + 1),
                content: .event(
                    NewRecord(
                        key: event.sessionKey,
                        value: RecordCoder.encode(event, timeline: .replay(Self.name), received: event.timestamp),
                        identity: 0)))
        }
        while !shop.ledger.hasEnded, !shop.isOver {
            await world.sleep(world.random.below(3_000))
            guard let collector = shop.collector, collector.door.enter() else { continue }
            defer { collector.door.leave() }
            let log = collector.log
            do throws(EventLogError) {
                let stored = Int(try await log.replayMark(Self.name)?.lastRow ?? 0)
                world.expect(stored >= shop.ledger.acknowledgedRows, "the replay's mark went back to \(stored)")
                if stored == rows.count {
                    try await log.endReplay(Self.name)
                    shop.ledger.hasEnded = true
                    world.trace("replay: ended")
                } else {
                    // Now and then some that were stored already.
                    let first = max(0, stored - (world.random.once(in: 4) ? 2 : 0))
                    let part = rows[first..<min(rows.count, first + world.random.within(3...12))]
                    _ = try await log.append(Array(part), ofReplay: Self.name)
                    shop.ledger.acknowledgedRows = part.endIndex
                    world.trace("replay: rows up to \(part.endIndex)")
                }
            } catch {
                world.trace("replay: \(error)")
            }
        }
    }
}
