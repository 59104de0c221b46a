import Events
import Simulation
import Testing

struct ShopTests {
    private static let start: Int64 = 1_767_225_600_000

    private static func csv(seed: UInt64, events: Int) -> [UInt8] {
        var shop = Shop(seed: seed, start: start)
        var bytes: [UInt8] = []
        for _ in 0..<events { shop.next().writeCSV(into: &bytes) }
        return bytes
    }

    @Test func theSameSeedGivesTheSameBytes() {
        #expect(Self.csv(seed: 3, events: 20_000) == Self.csv(seed: 3, events: 20_000))
        #expect(Self.csv(seed: 3, events: 2_000) != Self.csv(seed: 4, events: 2_000))
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func eventsComeInOrderAndSessionsHoldTogether(seed: UInt64) {
        var shop = Shop(seed: seed, start: Self.start)
        var last: [String: Int64] = [:]
        var ids: Set<String> = []
        var time = Self.start
        for _ in 0..<200_000 {
            let event = shop.next().event
            #expect(event.timestamp >= time)
            time = event.timestamp
            let session = event.session ?? ""
            // Half an hour would make two sessions of one.
            if let before = last[session] { #expect(event.timestamp - before < 30 * 60_000) }
            last[session] = event.timestamp
            #expect(ids.insert(event.id).inserted)
        }
        #expect(shop.openSessions < 2_000)
    }

    @Test func rowsAreWhatTheEventsSay() throws {
        let splitter = CSVSplitter()
        var reading = splitter
        let header = try BrowsingCSV(header: Array(ShopEvent.csvHeader.utf8)[...])
        var shop = Shop(seed: 9, start: Self.start)
        var expected: [Event] = []
        var bytes: [UInt8] = []
        for _ in 0..<20_000 {
            let row = shop.next()
            row.writeCSV(into: &bytes)
            var event = row.event
            // The schema has no word for a search.
            if event.kind == .search {
                event.kind = .pageview
                event.query = nil
            }
            expected.append(event)
        }
        var place = 0
        try reading.feed(bytes[...]) { row throws(EventError) in
            let event = try header.event(record: row.bytes, id: expected[place].id)
            #expect(event == expected[place])
            place += 1
        }
        #expect(place == expected.count)
    }

    @Test func moreBuyersMayBeAskedFor() {
        func purchases(_ buyerShare: Double) -> Int {
            var shop = Shop(
                seed: 5, parameters: ShopParameters(sessionsPerSecond: 0.63, buyerShare: buyerShare), start: Self.start)
            return (0..<100_000).count { _ in shop.next().kind == .purchase }
        }
        #expect(purchases(4) > 2 * purchases(1))
    }
}
