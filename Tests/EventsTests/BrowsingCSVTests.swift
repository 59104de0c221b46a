import Events
import Testing

/// The Coveo browsing schema.
struct BrowsingCSVTests {
    private let header =
        "session_id_hash,event_type,product_action,product_sku_hash,server_timestamp_epoch_ms,hashed_url"

    private func csv(_ header: String) throws(EventError) -> BrowsingCSV {
        try BrowsingCSV(header: Array(header.utf8)[...])
    }

    private func event(_ row: String, header: String? = nil) throws(EventError) -> Event {
        try csv(header ?? self.header).event(record: Array(row.utf8)[...], id: "f/1")
    }

    private func error(_ row: String) -> String? {
        failure { () throws(EventError) in _ = try event(row) }?.description
    }

    @Test func aRowIsAnEvent() throws {
        #expect(
            try event("S,event_product,add,K,1570000000000,U")
                == Event(id: "f/1", session: "S", kind: .add, timestamp: receipt, sku: "K", url: "U"))
        #expect(
            try event("S,pageview,,,1570000000000,")
                == Event(id: "f/1", session: "S", kind: .pageview, timestamp: receipt))
    }

    @Test(arguments: [
        ("pageview", "", "pageview"), ("event_product", "detail", "detail"), ("event_product", "add", "add"),
        ("event_product", "remove", "remove"), ("event_product", "purchase", "purchase"),
        ("event", "click", "click"), ("pageview", "detail", "detail"), ("event_product", "", "pageview"),
    ])
    func theActionSaysWhatHappened(type: String, action: String, kind: String) throws {
        #expect(try event("S,\(type),\(action),K,1570000000000,U").kind.name == kind)
    }

    @Test func columnsMayStandInAnyOrderWithOthersBetween() throws {
        let header =
            "hashed_url,x,server_timestamp_epoch_ms,product_action,session_id_hash,product_sku_hash,event_type,y"
        #expect(
            try event("U,,1570000000000,detail,S,K,event_product,\"a,b\"", header: header)
                == Event(id: "f/1", session: "S", kind: .detail, timestamp: receipt, sku: "K", url: "U"))
    }

    @Test func aHeaderMayHaveMarkQuotesAndCR() throws {
        let quoted =
            "\u{FEFF}\"session_id_hash\",\"event_type\",product_action,product_sku_hash,"
            + "server_timestamp_epoch_ms,\"hashed_url\"\r"
        #expect(try event("\"S\",pageview,,,\"1570000000000\",\"a \"\"b\"\"\"", header: quoted).url == "a \"b\"")
    }

    @Test(arguments: [
        ("", true), ("00000114e1,pageview,,,1550885210881,cd5a9c", true), ("session_id_hash;event_type", true),
        ("session_id_hash,event_type,product_action,product_sku_hash,hashed_url", false),
    ])
    func aMissingHeaderIsNamed(line: String, isHeaderless: Bool) {
        let error = failure { () throws(EventError) in _ = try csv(line) }
        #expect(
            error?.field == (isHeaderless ? header.replacing(",", with: ", ") : "server_timestamp_epoch_ms"))
        #expect(
            error?.reason == "missing from the header" + (isHeaderless ? "; is the first line a header at all?" : ""))
    }

    @Test func aHeaderIsBoundedAndNamesAColumnOnce() {
        let twice = failure { () throws(EventError) in _ = try csv(header + ",event_type") }
        #expect(twice?.description == "event_type: stands in the header more than once")
        let wide = failure { () throws(EventError) in
            _ = try csv(header + String(repeating: ",x", count: BrowsingCSV.maxColumns))
        }
        #expect(wide?.reason == "a header of more than 256 columns")
    }

    @Test(arguments: [
        ("S,pageview,,,1570000000000", "5 fields where the header has 6"),
        ("S,pageview,,,1570000000000,U,", "7 fields where the header has 6"),
        ("", "1 fields where the header has 6"),
        (",pageview,,,1570000000000,U", "session_id_hash: missing"),
        ("S,,,,1570000000000,U", "event_type: unknown ``; known are pageview, event_product, event"),
        ("S,view,,,1570000000000,U", "event_type: unknown `view`; known are pageview, event_product, event"),
        (
            "S,event,search,,1570000000000,U",
            "product_action: unknown `search`; known are detail, add, remove, purchase, click"
        ),
        (
            "S,event,refund,,1570000000000,U",
            "product_action: unknown `refund`; known are pageview, detail, add, remove, purchase, search, click"
        ),
        ("S,pageview,,,,U", "server_timestamp_epoch_ms: missing"),
        ("S,pageview,,,x,U", "server_timestamp_epoch_ms: must be a number"),
        ("S,pageview,,,-5,U", "server_timestamp_epoch_ms: must not be negative"),
        (
            "S,pageview,,,1570000000,U",
            "server_timestamp_epoch_ms: looks like seconds; milliseconds since 1970 are wanted"
        ),
        (
            "S,pageview,,,1570000000000000,U",
            "server_timestamp_epoch_ms: after 2100; milliseconds since 1970 are wanted"
        ),
        (
            "S,pageview,,,9223372036854775808,U",
            "server_timestamp_epoch_ms: after 2100; milliseconds since 1970 are wanted"
        ),
        ("\"S,pageview,,,1570000000000,U", "a quote is never closed (at byte 0)"),
        ("\"S\"x,pageview,,,1570000000000,U", "text after a closing quote (at byte 3)"),
        ("a\u{1}b,pageview,,,1570000000000,U", "session_id_hash: must not hold control characters"),
    ])
    func aRowThatIsNoEventSaysWhy(row: String, error: String) {
        #expect(self.error(row) == error)
    }

    @Test func fieldsAreHeldToTheirBounds() {
        let long = String(repeating: "x", count: EventLimits.sessionBytes + 1)
        #expect(error("\(long),pageview,,,1570000000000,U") == "session_id_hash: 257 bytes, more than the 256 allowed")
        #expect(
            error("S,pageview,,\(long),1570000000000,U") == "product_sku_hash: 257 bytes, more than the 256 allowed")
        let url = String(repeating: "u", count: EventLimits.urlBytes + 1)
        #expect(error("S,pageview,,,1570000000000,\(url)") == "hashed_url: 2049 bytes, more than the 2048 allowed")
    }

    @Test func sortingReadsNothingButTheTime() throws {
        let csv = try csv(header)
        #expect(try csv.timestamp(record: Array(",,,,1570000000000,".utf8)[...]) == receipt)
        #expect(
            failure { () throws(EventError) in _ = try csv.timestamp(record: Array(",,,,,".utf8)[...]) }?.description
                == "server_timestamp_epoch_ms: missing")
    }

    @Test(arguments: 1...8) func spoiltRowsNeverBreakALimit(seed: Int) throws {
        var random = SeededGenerator(seed: seed)
        let csv = try csv(header)
        let mutation = Mutation(
            alphabet: Array(",\"\r 0123456789-.eé".utf8) + [0x00, 0xC3, 0xFF],
            words: ["\"\"", ",\"a,b\"", "\"", "1570000000000", "purchase", "event_product", ",,,,,"])
        let rows = [
            "5f2b1c9e,event_product,purchase,K1,1570000000000,cd5a", "S,pageview,,,1570000000000,\"a,\"\"b\"\"\"",
            "\"S\",event,click,\"K,2\",1.57e12,",
        ]
        var accepted = 0
        for round in 0..<10_000 {
            let row = mutation.apply(to: Array(random.one(of: rows).utf8), &random)
            do {
                let event = try csv.event(record: row[...], id: "f/1")
                accepted += 1
                let broken = event.brokenLimit() ?? (event.timestamp > EventLimits.latestTimestamp ? "too late" : nil)
                #expect(broken == nil, "seed \(seed), round \(round): \(String(decoding: row, as: UTF8.self))")
                #expect(try csv.timestamp(record: row[...]) == event.timestamp)
            } catch {
                #expect(!error.reason.isEmpty)
            }
        }
        #expect((300..<9_000).contains(accepted), "mutations that tell something: \(accepted) of 10000 still read")
    }
}
