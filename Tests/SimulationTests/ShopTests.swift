import Events
import Simulation
import Testing

struct ShopTests {
    private static let start: Int64 = 1_767_225_600_000
    private static let aMonthLater = start + 30 * 24 * 3_600_000

    private static func csv(seed: UInt64, start: Int64 = start, events: Int) -> [UInt8] {
        var shop = Shop(seed: seed, start: start)
        var bytes: [UInt8] = []
        for _ in 0..<events { shop.next().writeCSV(into: &bytes) }
        return bytes
    }

    @Test(arguments: [0, 3, .max] as [UInt64])
    func theSameSeedGivesTheSameBytes(seed: UInt64) {
        let bytes = Self.csv(seed: seed, events: 20_000)
        #expect(bytes == Self.csv(seed: seed, events: 20_000))
        #expect(bytes != Self.csv(seed: seed &+ 1, events: 20_000))
        #expect(bytes != Self.csv(seed: seed, start: Self.aMonthLater, events: 20_000))
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func eventsComeInOrderAndSessionsHoldTogether(seed: UInt64) {
        var shop = Shop(seed: seed, start: Self.start)
        var last: [String: Int64] = [:]
        var ids: Set<String> = []
        var time = Self.start
        var isOrdered = true
        var longestGap: Int64 = 0
        for _ in 0..<200_000 {
            let event = shop.next().event
            isOrdered = isOrdered && event.timestamp >= time
            time = event.timestamp
            let session = event.session ?? ""
            // A session that returned after its end would show as a gap, too.
            if let before = last[session] { longestGap = max(longestGap, event.timestamp - before) }
            last[session] = event.timestamp
            ids.insert(event.id)
        }
        #expect(isOrdered)
        #expect(longestGap < 30 * 60_000)
        #expect(ids.count == 200_000, "two events of one id")
    }

    /// Arrivals by day: an average that holds over days, and as many open sessions as come in a few minutes.
    @Test(arguments: [0.05, 0.63, 20])
    func openSessionsAreBoundedByTheArrivals(sessionsPerSecond: Double) {
        var parameters = ShopParameters.standard
        parameters.sessionsPerSecond = sessionsPerSecond
        var shop = Shop(seed: 11, parameters: parameters, start: Self.start)
        var most = 0
        for _ in 0..<200_000 {
            _ = shop.next()
            most = max(most, shop.openSessions)
        }
        #expect(Double(most) < 20 + 900 * sessionsPerSecond)
    }

    @Test func aWeekHasTheArrivalsAskedForAndNightsAreQuiet() {
        let week: Int64 = 7 * 24 * 3_600_000
        var shop = Shop(seed: 12, start: Self.start)
        var byHour = [Int](repeating: 0, count: 24)
        var sessions: Set<String> = []
        while case let event = shop.next().event, event.timestamp < Self.start + week {
            if sessions.insert(event.session ?? "").inserted { byHour[Int(event.timestamp / 3_600_000 % 24)] += 1 }
        }
        let expected = ShopParameters.standard.sessionsPerSecond * 7 * 24 * 3_600
        #expect(abs(Double(sessions.count) / expected - 1) < 0.02, "\(sessions.count) of \(expected)")
        #expect(byHour[20] > 4 * byHour[3], "\(byHour)")
    }

    @Test func rowsAreWhatTheEventsSay() throws {
        let csv = try BrowsingCSV(header: Array(ShopEvent.csvHeader.utf8)[...])
        var shop = Shop(seed: 9, start: Self.start)
        var expected: [Event] = []
        var bytes: [UInt8] = []
        for _ in 0..<50_000 {
            let row = shop.next()
            row.writeCSV(into: &bytes)
            #expect(bytes.last == UInt8(ascii: "\n"))
            var event = row.event
            // All that a row has no room for.
            event.query = nil
            expected.append(event)
        }
        var read: [Event] = []
        var splitter = CSVSplitter()
        try splitter.feed(bytes[...]) { row throws(EventError) in
            read.append(try csv.event(record: row.bytes, id: expected[read.count].id))
        }
        #expect(read == expected)
    }

    @Test func whatWasSearchedForIsKnownLive() {
        var shop = Shop(seed: 10, start: Self.start)
        let events = (0..<50_000).map { _ in shop.next().event }
        #expect(events.allSatisfy { ($0.url == "/search") == ($0.query != nil) })
        #expect(Set(events.compactMap(\.query)).count > 100)
    }

    @Test func aProductPageShowsTwiceAtTheSameTime() {
        var shop = Shop(seed: 13, start: Self.start)
        var details = 0
        var twins = 0
        var twinsFirst = 0
        var previous = shop.next().event
        for _ in 0..<100_000 {
            let event = shop.next().event
            if event.kind == .detail { details += 1 }
            if event.session == previous.session, event.timestamp == previous.timestamp, event.url == previous.url {
                let kinds = [previous.kind, event.kind]
                if kinds == [.pageview, .detail] || kinds == [.detail, .pageview] { twins += 1 }
                if kinds == [.pageview, .detail] { twinsFirst += 1 }
            }
            previous = event
        }
        #expect((0.91...0.95).contains(Double(twins) / Double(details)))
        #expect((0.47...0.53).contains(Double(twinsFirst) / Double(twins)))
    }

    /// Of two products seen before, either may be the one that a visitor comes back to.
    @Test func anyProductSeenBeforeMayBeSeenAgain() {
        var shop = Shop(seed: 14, start: Self.start)
        var seen: [String: [String]] = [:]
        var returns = [0, 0]
        for _ in 0..<400_000 {
            let event = shop.next().event
            guard event.kind == .detail, let sku = event.sku, let session = event.session else { continue }
            let before = seen[session] ?? []
            if before.count == 2, let place = before.firstIndex(of: sku) { returns[place] += 1 }
            if !before.contains(sku) { seen[session, default: []].append(sku) }
        }
        #expect((0.45...0.55).contains(Double(returns[0]) / Double(returns[0] + returns[1])), "\(returns)")
    }

    @Test func moreBuyersMayBeAskedFor() {
        func buyers(_ buyerShare: Double) -> Double {
            var parameters = ShopParameters.standard
            parameters.buyerShare = buyerShare
            var shop = Shop(seed: 5, parameters: parameters, start: Self.start)
            let events = (0..<100_000).map { _ in shop.next().event }
            let bought = Set(events.filter { $0.kind == .purchase }.map(\.session))
            return Double(bought.count) / Double(Set(events.map(\.session)).count)
        }
        #expect((0.008...0.014).contains(buyers(1)))
        #expect((0.05...0.08).contains(buyers(10)))
    }
}
