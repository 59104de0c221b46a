import Events
import Testing

/// The bounds and types of every field, in JSON and in query strings.
struct FieldTests {
    static let texts: [(field: String, maxBytes: Int, path: any KeyPath<Event, String?> & Sendable)] = [
        ("session", EventLimits.sessionBytes, \.session), ("visitor", EventLimits.visitorBytes, \.visitor),
        ("sku", EventLimits.skuBytes, \.sku), ("url", EventLimits.urlBytes, \.url),
        ("query", EventLimits.queryBytes, \.query), ("order", EventLimits.orderBytes, \.order),
        ("id", EventLimits.idBytes, \.someID),
    ]

    /// An event with this member, given as JSON.
    private func items(_ field: String, _ json: String) throws -> [CollectDecoder.Item] {
        try decode(#"{"type":"add","\#(field == "session" ? "visitor" : "session")":"S","\#(field)":\#(json)}"#)
    }

    private func items(_ field: String, form value: String) -> [CollectDecoder.Item] {
        decode(query: "type=add&\(field == "session" ? "visitor" : "session")=S&\(field)=\(value)")
    }

    /// Bounds are bytes of UTF-8, of the text after its escapes are undone.
    @Test func textsAreHeldToTheirBytes() throws {
        for (field, maxBytes, path) in Self.texts {
            let whole = String(repeating: "é", count: maxBytes / 2)
            let escaped = String(repeating: #"\u00e9"#, count: maxBytes / 2)
            let percent = String(repeating: "%C3%A9", count: maxBytes / 2)
            #expect(try items(field, "\"\(whole)\"").event()[keyPath: path] == whole)
            #expect(try items(field, "\"\(escaped)\"").event()[keyPath: path] == whole)
            #expect(try items(field, form: percent).event()[keyPath: path] == whole)
            let wanted = ["\(field): \(maxBytes + 1) bytes, more than the \(maxBytes) allowed"]
            #expect(try items(field, "\"\(whole)x\"").errors.map(\.description) == wanted)
            #expect(try items(field, "\"\(escaped)x\"").errors.map(\.description) == wanted)
            #expect(items(field, form: percent + "x").errors.map(\.description) == wanted)
        }
    }

    @Test func onlyAQueryMayHoldControlCharacters() throws {
        for (field, _, path) in Self.texts {
            let items = try items(field, #""a\nb""#) + items(field, form: "a%0Ab")
            if field == "query" {
                #expect(items.events.map { $0[keyPath: path] } == ["a\nb", "a\nb"])
            } else {
                let wanted = "\(field): must not hold control characters"
                #expect(items.errors.map(\.description) == [wanted, wanted])
            }
        }
    }

    @Test func textMustBeText() throws {
        for (field, _, path) in Self.texts {
            for json in ["7", "true", "{}", "[]"] {
                #expect(try items(field, json).errors.map(\.description) == ["\(field): must be text"])
            }
            for json in ["null", #""""#] where field != "id" {
                #expect(try items(field, json).event()[keyPath: path] == nil)
            }
        }
    }

    @Test(
        arguments: [
            ("price", "0", nil), ("price", "1000000000000", nil), ("price", "19.99", nil), ("price", "1e-9", nil),
            ("price", "-0.01", "must lie between 0 and 1,000,000,000,000"),
            ("price", "1000000000000.1", "must lie between 0 and 1,000,000,000,000"),
            ("price", "1e400", "a number too large to hold"), ("price", #""5""#, "must be a number"),
            ("price", "true", "must be a number"),
            ("quantity", "1", nil), ("quantity", "1000000", nil), ("quantity", "2.0", nil), ("quantity", "3e2", nil),
            ("quantity", "0", "must be a whole number between 1 and 1,000,000"),
            ("quantity", "-1", "must be a whole number between 1 and 1,000,000"),
            ("quantity", "1000001", "must be a whole number between 1 and 1,000,000"),
            ("quantity", "1.5", "must be a whole number between 1 and 1,000,000"),
            ("quantity", "1e300", "must be a whole number between 1 and 1,000,000"),
            ("quantity", "[]", "must be a number"),
            ("timestamp", "631152000000", nil), ("timestamp", "1570000000000.9", nil),
            ("timestamp", "631151999999", "before 1990; milliseconds since 1970 are wanted"),
            ("timestamp", "0", "before 1990; milliseconds since 1970 are wanted"),
            ("timestamp", "-1", "must not be negative"), ("timestamp", "-1e300", "must not be negative"),
            ("timestamp", "1570000000", "looks like seconds; milliseconds since 1970 are wanted"),
            ("timestamp", #""2019-10-02""#, "must be a number"),
        ] as [(String, String, String?)])
    func numbersAreHeldToTheirRanges(field: String, json: String, reason: String?) throws {
        let items = try items(field, json)
        #expect(items.errors == (reason.map { [EventError(field: field, reason: $0)] } ?? []))
        guard json.first != "\"", json != "true", json != "[]" else { return }
        // A query string holds a number by the same rules.
        #expect(self.items(field, form: json.replacing("+", with: "%2B")).errors == items.errors)
    }

    @Test func numbersAreReadExactly() throws {
        for price in ["0.1", "123456789012.345", "0.30000000000000004", "1e-7", "99999999999.99", "2.5E+3", "7"] {
            #expect(try items("price", price).event().price == Double(price))
        }
        #expect(try items("quantity", "3e2").event().quantity == 300)
        #expect(try items("timestamp", "1569999999999.9").event().timestamp == 1_569_999_999_999)
    }

    @Test(arguments: ["", "+", "1", "0x10", "1,5", "NaN", "inf", " 1", "1 ", "01", ".5", "5."])
    func aNumberInAQueryStringFollowsJSONsGrammar(value: String) throws {
        let items = items("price", form: value.replacing("+", with: "%2B").replacing(" ", with: "+"))
        switch value {
        case "": #expect(try items.event().price == nil)
        case "1": #expect(try items.event().price == 1)
        default: #expect(items.errors.map(\.description) == ["price: must be a number"])
        }
    }

    @Test func aMissingOrUnknownTypeIsNamed() throws {
        let known = "known are pageview, detail, add, remove, purchase, search, click"
        #expect(try decode(#"{"session":"S"}"#).errors.map(\.description) == ["type: missing"])
        #expect(try decode(#"{"session":"S","type":""}"#).errors.map(\.description) == ["type: missing"])
        #expect(try decode(#"{"session":"S","type":"Add"}"#).errors.map(\.reason) == ["unknown `Add`; \(known)"])
        #expect(try decode(#"{"session":"S","type":4}"#).errors.map(\.reason) == ["must be text"])
        let long = String(repeating: "x", count: 33)
        #expect(
            try decode(#"{"session":"S","type":"\#(long)"}"#).errors.map(\.reason) == [
                "33 bytes, more than the 32 allowed"
            ])
    }
}

extension Event {
    /// The id under a key path of the same type as the other texts'.
    fileprivate var someID: String? { id }
}
