import Events
import Testing

/// The scanner against Foundation's `JSONDecoder`: what the scanner accepts, the oracle accepts with equal values; what
/// the oracle refuses as JSON, the scanner refuses.
///
/// Where the two differ on purpose:
/// - Foundation takes a comma before a closing bracket, UTF-16 and UTF-32, nesting to 512 levels, and the first of two
///   equal names; the scanner refuses all four (the last one as an event, and only for names it knows).
/// - Foundation refuses numbers that a `Double` cannot hold, 1e400 and 1e-400 alike, wherever they stand. To JSON's
///   grammar they are numbers: the scanner passes over one it has no use for, and takes one too small for 0.
struct JSONAgreementTests {
    static let valid = [
        #"{"id":"e1","session":"5f2b1c9e","visitor":"V","type":"detail","sku":"a1b2","url":"/p/a1?x=1#y","timestamp":1570000000000}"#,
        #"[{"id":"a","type":"add","session":"S","price":12.50,"quantity":2},{"id":"b","type":"purchase","visitor":"V","order":"O\"1"}]"#,
        #"{"events":[{"type":"search","session":"S","query":"r\u00e9d \uD83D\uDE00 sho\\e"},{"type":"click","session":"S"}],"sentAt":1570000000500}"#,
        #" { "type" : "remove" , "session" : "漢字😀" , "extra" : { "a" : [ 1 , -2.5e+3 , true , false , null , { } , [ ] ] } } "#,
        "{\"id\":\"1\",\"type\":\"add\",\"session\":\"S\"}\n{\"id\":\"2\",\"type\":\"add\",\"session\":\"S\",\"x\":[{\"y\":0.1}]}\n",
        #"[{"type":"add","session":"S","timestamp":1569999999999.75,"price":0.1e1,"quantity":3.0},7,"x",null,[[]]]"#,
    ]

    static let mutation = Mutation(
        alphabet: Array("{}[]:,\"\\ \n0123456789-+.eEtfnul/\u{1}".utf8) + [
            0x00, 0x7F, 0x80, 0xC3, 0xA9, 0xED, 0xF0, 0xFF,
        ],
        words: [
            #"\u00e9"#, #"\uD83D\uDE00"#, #"\uD83D"#, #"\uDE00"#, #"\n"#, "null", "true", "1e400", "1e-400", "-0",
            "0.5", "[]", "{}",
            #","type":"add""#, #""session":"S","#, "é", "😀", "\n{}\n", "123456789012345678901234567890", "[[[[[[[[",
            #","x":1"#,
            "\u{FEFF}",
        ])

    @Test(arguments: 1...8) func spoiltBodiesAreReadAsTheOracleReadsThem(seed: Int) {
        var random = SeededGenerator(seed: seed)
        for round in 0..<1_000 {
            let body = Self.mutation.apply(to: Array(random.one(of: Self.valid).utf8), &random)
            if let difference = Self.difference(body) {
                Issue.record(
                    "seed \(seed), round \(round): \(difference): \(String(decoding: body, as: UTF8.self)) \(body)")
                return
            }
        }
    }

    /// Any JSON, shallow and deep, and what is nearly JSON.
    @Test(arguments: 1...4) func drawnDocumentsAreReadAsTheOracleReadsThem(seed: Int) {
        var random = SeededGenerator(seed: seed)
        for round in 0..<500 {
            let body = Array(Self.document(&random).utf8)
            if let difference = Self.difference(body) {
                Issue.record("seed \(seed), round \(round): \(difference): \(String(decoding: body, as: UTF8.self))")
                return
            }
            // Nothing drawn here is what the two differ on, so the agreement goes both ways.
            let isRefused = failure { () throws(EventError) in _ = try decode(body) } != nil
            #expect(!isRefused, "seed \(seed), round \(round): \(String(decoding: body, as: UTF8.self))")
        }
    }

    @Test(
        arguments: Self.valid + [
            #"{"a":1,"a":2}"#, "[]", "{}", #"{"\u0061":"\u0000"}"#, "[null]", #"[-0,0.0,1E5,1e-5]"#,
        ])
    func validJSONIsAccepted(body: String) {
        #expect(failure { () throws(EventError) in _ = try decode(body) } == nil)
        #expect(Self.difference(Array(body.utf8)) == nil)
    }

    /// What both refuse.
    @Test(arguments: [
        "{,}", "[1 2]", "[1,,2]", "{\"a\" 1}", "{\"a\":}", "{a:1}", "{'a':1}", "[01]", "[-01]", "[1.]", "[.5]", "[-]",
        "[+1]", "[1e]",
        "[1e+]", "[1e+-1]", "[--1]", "[1.5.5]", "[0x10]", "[1_000]", "[NaN]", "[Infinity]", "[tru]", "[truex]", "[nul]",
        "[True]",
        "[\"\\q\"]", "[\"\\u12\"]", "[\"\\u12G4\"]", "[\"\\ud800\"]", "[\"\\ud83dx\"]", "[\"\\ude00\\ud83d\"]",
        "[\"\\ud83d\\ud83d\"]",
        "[\"\u{1}\"]", "[\"\n\"]", "[\"\t\"]", "[\"", "[\"\\", "[\"\\u", "[]]", "[]x", "{}{}", "[]\u{0}", "\u{0}[]",
        "[\u{b}]", "[\u{a0}]",
        "[]\u{c}", "// c\n[]", "[/* c */]", "[1", "{\"a\":1", "]", "}", "\u{FEFF}\u{FEFF}[]", "[\u{FEFF}]",
    ])
    func brokenJSONIsRefused(body: String) {
        #expect(JSONValue(body.utf8) == nil)
        #expect(failure { () throws(EventError) in _ = try decode(body) } != nil)
    }

    @Test(
        arguments: [
            [0x80], [0xBF], [0xC0, 0xAF], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0xAF], [0xE0, 0x9F, 0xBF],
            [0xE2, 0x82],
            [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0xAF], [0xF0, 0x8F, 0xBF, 0xBF],
            [0xF0, 0x9F, 0x98],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        ] as [[UInt8]])
    func invalidUTF8IsRefusedInValuesAndNames(bytes: [UInt8]) {
        for body in [Array("[\"".utf8) + bytes + Array("\"]".utf8), Array("{\"".utf8) + bytes + Array("\":1}".utf8)] {
            #expect(JSONValue(body) == nil)
            let error = failure { () throws(EventError) in _ = try decode(body) }
            #expect(error == EventError(reason: "not valid UTF-8", position: 2))
        }
    }

    @Test(
        arguments: [
            [0xC2, 0x80], [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF], [0xEF, 0xBF, 0xBF], [0xF0, 0x90, 0x80, 0x80],
            [0xF4, 0x8F, 0xBF, 0xBF],
        ] as [[UInt8]])
    func theEdgesOfUTF8AreAccepted(bytes: [UInt8]) throws {
        let body = Array(#"{"type":"add","session":""#.utf8) + bytes + Array(#""}"#.utf8)
        #expect(try decode(body).event().session.map { Array($0.utf8) } == bytes)
        #expect(JSONValue(body)?["session"]?.text.map { Array($0.utf8) } == bytes)
    }

    /// The differences named above, each seen from both sides.
    @Test func whereTheOracleIsLaxTheScannerIsStrict() throws {
        for body in ["[1,]", "{\"a\":1,}", String(repeating: "[", count: 17) + String(repeating: "]", count: 17)] {
            #expect(JSONValue(body.utf8) != nil)
            #expect(failure { () throws(EventError) in _ = try decode(body) } != nil)
        }
        let wide = #"{"type":"add","session":"S"}"#.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        #expect(JSONValue(wide) != nil)
        #expect(failure { () throws(EventError) in _ = try decode(wide) } != nil)
        let twice = #"{"type":"add","session":"S","sku":"1","sku":"2"}"#
        #expect(JSONValue(twice.utf8)?["sku"]?.text == "1")
        #expect(try decode(twice).errors.map(\.field) == ["sku"])
    }

    @Test func whereTheOracleIsStrictTheScannerFollowsTheGrammar() throws {
        for number in ["1e400", "-1e400", "1e-400"] {
            let body = #"{"type":"add","session":"S","x":\#(number)}"#
            #expect(JSONValue(body.utf8) == nil)
            #expect(try decode(body).event().kind == .add)
        }
        #expect(try decode(#"{"type":"add","session":"S","price":1e-400}"#).event().price == 0)
        #expect(try decode(#"{"type":"add","session":"S","price":1e400}"#).errors.map(\.field) == ["price"])
    }
}

extension JSONAgreementTests {
    /// In which words scanner and oracle disagree on a body; nil where they agree.
    static func difference(_ body: [UInt8]) -> String? {
        let oracle = JSONValue(body)
        let items: [CollectDecoder.Item]
        do throws(EventError) {
            items = try decode(body)
        } catch {
            return error.description.isEmpty ? "an error without words" : nil
        }
        let lines = body.split(separator: UInt8(ascii: "\n")).count
        if oracle == nil, lines < 2, JSONValue(withoutExponents(body)) == nil {
            return "the scanner accepts what the oracle refuses"
        }
        for item in items {
            guard case .success(let event) = item.result else { continue }
            if let broken = event.brokenLimit() { return "accepted: \(broken)" }
            guard let value = JSONValue(item.bytes) else {
                if JSONValue(withoutExponents(Array(item.bytes))) != nil { continue }
                return "the scanner accepts an element that the oracle refuses"
            }
            if let wrong = difference(event, value, sentAt: oracle?["sentAt"]?.number) { return wrong }
        }
        return nil
    }

    /// Every field of an accepted event in our own spelling, as a second reading of the rules has it.
    private static func difference(_ event: Event, _ value: JSONValue, sentAt: Double?) -> String? {
        guard value["type"] != nil else { return nil }  // A hit; its own tests say what its fields become.
        let names = ["id", "session", "visitor", "sku", "url", "query", "order"]
        for (name, bytes) in zip(names, event.texts) where name != "id" || value["id"] != nil {
            if value[name] != nil, value[name]?.text == nil { return "\(name) accepted though it is no text" }
            if value[name]?.text.map({ Array($0.utf8) }) != bytes { return "\(name) differs from the oracle's" }
        }
        if value["type"]?.text != event.kind.name { return "type differs" }
        if value["price"]?.number != event.price { return "price differs" }
        if value["quantity"]?.number != event.quantity.map(Double.init) { return "quantity differs" }
        let clientTime = value["timestamp"]?.number?.rounded(.down)
        let sent = (value["sentAt"]?.number ?? sentAt)?.rounded(.down)
        var time = clientTime ?? Double(receipt)
        if let clientTime, let sent { time = Double(receipt) - (sent - clientTime) }
        if time > Double(receipt + EventLimits.futureTolerance_ms) { time = Double(receipt) }
        return time == Double(event.timestamp) ? nil : "timestamp \(event.timestamp), not \(time)"
    }

    /// The body with every exponent of three digits and more struck out: JSON that the oracle refuses only for the size
    /// of a number is accepted then.
    private static func withoutExponents(_ body: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < body.count {
            var end = index + 1
            if body[index] | 0x20 == UInt8(ascii: "e") {
                if end < body.count, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(body[end]) { end += 1 }
                let digits = body[end...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
                if digits >= 3 {
                    index = end + digits
                    continue
                }
            }
            result.append(body[index])
            index += 1
        }
        return result
    }

    /// A request in valid JSON, with white space, escapes and fields of any type here and there.
    private static func document(_ random: inout SeededGenerator) -> String {
        let events = (0..<random.below(4)).map { _ in event(&random) }
        let list = "[" + space(&random) + events.joined(separator: "," + space(&random)) + space(&random) + "]"
        switch random.below(3) {
        case 0: return space(&random) + list + space(&random)
        case 1: return "{\"events\":\(space(&random))\(list),\"sentAt\":\(1_570_000_000_000 + random.below(5_000))}"
        default: return space(&random) + event(&random) + space(&random)
        }
    }

    private static func event(_ random: inout SeededGenerator) -> String {
        var members: [String] = []
        for name in [
            "id", "session", "visitor", "type", "sku", "url", "query", "order", "price", "quantity", "timestamp", "x",
            "y",
        ]
        where random.once(in: 2) || name == "type" || name == "session" {
            var value = scalar(&random)
            switch name {
            case "type" where !random.once(in: 8): value = "\"\(random.one(of: EventKind.allCases).name)\""
            case "price" where !random.once(in: 8), "quantity" where !random.once(in: 8): value = number(&random)
            case "timestamp" where !random.once(in: 8): value = "\(1_569_000_000_000 + random.below(1_000_000_000))"
            case "x", "y": value = any(&random, depth: 0)
            default: break
            }
            members.append("\"\(name)\"\(space(&random)):\(space(&random))\(value)")
        }
        return "{" + space(&random) + members.shuffled(using: &random).joined(separator: space(&random) + ",")
            + space(&random) + "}"
    }

    private static func any(_ random: inout SeededGenerator, depth: Int) -> String {
        guard depth < 10, random.once(in: 2) else { return scalar(&random) }
        let inner = (0..<random.below(4)).map { _ in any(&random, depth: depth + 1) }
        if random.once(in: 2) { return "[" + inner.joined(separator: "," + space(&random)) + "]" }
        return "{" + inner.enumerated().map { "\"k\($0)\":\($1)" }.joined(separator: ",") + "}"
    }

    private static func scalar(_ random: inout SeededGenerator) -> String {
        switch random.below(6) {
        case 0: return random.one(of: ["true", "false", "null"])
        case 1: return number(&random)
        default:
            let parts = [
                "a", "Z", " ", "é", "漢", "😀", "/", #"\/"#, #"\""#, #"\\"#, #"\n"#, #"\t"#, #"\b"#, #"\f"#, #"\r"#,
                #"\u00e9"#, #"\uD83D\uDE00"#,
                #"\u0041"#, #"\u007f"#, "\u{7f}", "\u{2028}",
            ]
            return "\"" + (0..<random.below(12)).map { _ in random.one(of: parts) }.joined() + "\""
        }
    }

    private static func number(_ random: inout SeededGenerator) -> String {
        let digits = "\(random.below(random.one(of: [2, 100, 1_000_000, .max])))"
        let sign = random.once(in: 6) ? "-" : ""
        let fraction = random.once(in: 2) ? ".\(random.below(random.one(of: [10, 1_000_000, .max])))" : ""
        let exponent =
            random.once(in: 3)
            ? "\(random.one(of: ["e", "E"]))\(random.one(of: ["", "+", "-"]))\(random.below(40))" : ""
        return sign + digits + fraction + exponent
    }

    private static func space(_ random: inout SeededGenerator) -> String {
        random.once(in: 3) ? random.one(of: [" ", "\t", "\r\n", "  \n "]) : ""
    }
}
