import Collector
import EventLog
import HTTPTypes
import HummingbirdTesting
import Testing

/// Requests that are refused as a whole: status, words and headers.
@Suite struct RefusalTests {
    private static let event = #"{"id":"a","session":"s","type":"add"}"#

    @Test(arguments: [
        ("", "an empty body (at byte 0)"),
        (" \n", "an empty body (at byte 2)"),
        ("{", "not JSON: it ends where a key in double quotes should stand (at byte 1)"),
        (
            #"{"id":"a","session":"s","ty"#,
            "not JSON: it ends where the closing quote of a text should stand (at byte 27)"
        ),
        (#"[{"id":"a","session":"s","type":"add"},"#, "not JSON: it ends where a value should stand (at byte 39)"),
        ("nonsense", "not JSON: `n` where an object should stand (at byte 0)"),
        (#"{"id":"a"} x"#, "not JSON: `x` where nothing more should stand (at byte 11)"),
        (#"{"events":7}"#, "events: must be an array of events"),
    ])
    func anUnreadableBodyIsRefusedAndKept(body: String, reason: String) async throws {
        try await Shop.open { shop async throws in
            #expect(try await shop.post(body).text == #"400 {"error":"\#(reason)"}"#)
            #expect(try await shop.records() == [])
            #expect(try await shop.rejected() == (body.isEmpty ? [] : ["collect \(reason) | \(body)"]))
        }
    }

    @Test func aBodyThatIsNotUTF8IsRefused() async throws {
        try await Shop.open { shop async throws in
            let body = Array(#"{"id":"a","session":"s","type":"add","sku":""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8)
            #expect(try await shop.post(body).text == #"400 {"error":"not valid UTF-8 (at byte 44)"}"#)
            #expect(try await shop.log.rejected(from: 0, limit: 2).map(\.bytes) == [body])
        }
    }

    @Test(arguments: ["[", "{\"a\":"])
    func deepNestingIsRefused(opening: String) async throws {
        try await Shop.open { shop async throws in
            let reply = try await shop.post(String(repeating: opening, count: 100_000))
            #expect(reply.status == 400)
            #expect(reply.body.contains("nested deeper than 16 levels"))
            #expect(try await shop.log.rejected(from: 0, limit: 2).map(\.bytes.count) == [4_096])
        }
    }

    @Test func aBodyOverTheLimitIsRefused() async throws {
        try await Shop.open(CollectorSettings(maxBodyBytes: 1_000)) { shop async throws in
            let refusal = #"413 {"error":"a body of more than the 1000 bytes allowed; send it in several"}"#
            func body(_ count: Int) -> String {
                Self.event + String(repeating: " ", count: count - Self.event.utf8.count)
            }
            #expect(try await shop.post(body(1_000)).status == 200)
            #expect(try await shop.post(body(1_001)).text == refusal)
            #expect(try await shop.post(body(5_000_000)).text == refusal)
            #expect(try await shop.rejected() == [])
        }
    }

    @Test func tooManyEventsAreRefusedWhole() async throws {
        try await Shop.open(CollectorSettings(maxEvents: 3)) { shop async throws in
            func body(_ count: Int) -> String {
                "[" + (0..<count).map { #"{"id":"\#($0)","session":"s","type":"add"}"# }.joined(separator: ",") + "]"
            }
            #expect(
                try await shop.post(body(4)).text
                    == #"413 {"error":"more than 3 events in one body; send them in several"}"#)
            #expect(try await shop.records() == [])
            #expect(try await shop.rejected() == [])
            #expect(try Tally(try await shop.post(body(3))).stored == 3)
        }
    }

    /// Two hundred products share a long URL: few bytes over the wire, many on the log.
    @Test func aHitMayNotMakeMoreRecordsThanItsBodyStandsFor() async throws {
        try await Shop.open(CollectorSettings(maxBodyBytes: 10_000, maxInflatedBytes: 10_000)) { shop async throws in
            let products = (1...200).map { #""pr\#($0)id":"p""# }.joined(separator: ",")
            let url = String(repeating: "u", count: 2_000)
            let reply = try await shop.post(#"{"pa":"add","cid":"v","z":"h","dl":"\#(url)",\#(products)}"#)
            #expect(
                reply.text == #"413 {"error":"these events make more than 20000 bytes of records; send fewer"}"#)
            #expect(try await shop.records() == [])
        }
    }

    @Test(arguments: [
        (nil, "no Content-Type"),
        ("application/x-www-form-urlencoded", "Content-Type application/x-www-form-urlencoded"),
        ("application/jsonp", "Content-Type application/jsonp"),
    ])
    func otherTypesAreRefused(type: String?, found: String) async throws {
        try await Shop.open { shop async throws in
            let reply = try await shop.post(Self.event, type: type)
            #expect(
                reply.text == """
                    415 {"error":"\(found); known are application/json, text/plain, application/x-ndjson"}
                    """)
            #expect(try await shop.records() == [])
        }
    }

    @Test(arguments: ["br", "deflate", "gzip, gzip", "zstd"])
    func otherEncodingsAreRefused(encoding: String) async throws {
        try await Shop.open { shop async throws in
            let reply = try await shop.post(Self.event, headers: [.contentEncoding: encoding])
            let found = encoding.filter { $0 != " " }
            #expect(reply.text == #"415 {"error":"Content-Encoding \#(found); known is gzip"}"#)
            #expect(reply.headers[.acceptEncoding] == "gzip")
        }
    }

    @Test func aWriteKeyMayStandInAnyOfThreePlaces() async throws {
        let settings = CollectorSettings(writeKeys: ["0123456789abcdef", "another-key-äöü+"])
        let writeKey = try #require(HTTPField.Name("X-Write-Key"))
        try await Shop.open(settings) { shop async throws in
            let refusal = """
                401 {"error":"a write key is needed: in `Authorization: Bearer KEY`, in `X-Write-Key`, or as `key=` in the \
                query"}
                """
            let reply = try await shop.post(Self.event)
            #expect(reply.text == refusal)
            #expect(reply.headers[.wwwAuthenticate] == "Bearer")
            for wrong in ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF", "0123456789abcdef,x"] {
                #expect(try await shop.post(Self.event, headers: [writeKey: wrong]).text == refusal)
                #expect(try await shop.post(Self.event, headers: [.authorization: "Bearer \(wrong)"]).text == refusal)
                #expect(try await shop.post(Self.event, to: "/collect?key=\(wrong)").text == refusal)
            }
            #expect(try await shop.post(Self.event, headers: [.authorization: "0123456789abcdef"]).text == refusal)
            #expect(try await shop.records() == [])

            let right: [(uri: String, headers: HTTPFields)] = [
                ("/collect", [.authorization: "Bearer 0123456789abcdef"]),
                ("/collect", [.authorization: "bearer 0123456789abcdef"]),
                ("/collect", [writeKey: "0123456789abcdef"]),
                ("/collect?key=0123456789abcdef", [:]),
                ("/collect?key=another-key-%C3%A4%C3%B6%C3%BC%2B", [:]),
            ]
            for (uri, headers) in right {
                #expect(try await shop.post(Self.event, to: uri, headers: headers).status == 200)
            }
            #expect(try await shop.records().count == 1)
        }
    }

    /// What `navigator.sendBeacon` sends: no header of its own, text.
    @Test func aBeaconPassesWithItsKeyInTheQuery() async throws {
        try await Shop.open(CollectorSettings(writeKeys: ["0123456789abcdef"], origins: ["https://shop.example"])) {
            shop async throws in
            let reply = try await shop.post(
                Self.event, to: "/collect?key=0123456789abcdef", type: "text/plain;charset=UTF-8",
                headers: [.origin: "https://shop.example"])
            #expect(reply.status == 200)
            #expect(try await shop.records().count == 1)
        }
    }

    @Test(arguments: [
        (EventLogError.overloaded(retryAfter_s: 7), "7", "more is coming in than the log can write"),
        (.closed, "5", "this server is stopping"),
        (
            .failed("/srv/data/events.sqlite: disk I/O error"), "5",
            "the log failed, and whether anything was stored is unknown; the same ids may be sent again"
        ),
    ])
    func whereNothingIsStoredTheRequestIsToBeSentAgain(
        error: EventLogError, retryAfter: String, reason: String
    ) async throws {
        let log = ScriptedLog(appends: [.failure(error)])
        try await Shop.open(over: log) { shop async throws in
            let reply = try await shop.post("[\(Self.event),\(Self.event),7]")
            #expect(
                reply.text == """
                    503 {"durability":"broker","stored":0,"duplicate":0,"rejected":1,"retry":2,"events":[\
                    {"index":0,"id":"a","verdict":"retry","reason":"\(reason)"},\
                    {"index":1,"id":"a","verdict":"retry","reason":"\(reason)"},\
                    {"index":2,"verdict":"rejected","reason":"an event must be an object"}]}
                    """)
            #expect(reply.headers[.retryAfter] == retryAfter)
            #expect(try await shop.post(Self.event).status == 200)
        }
    }

    @Test func aRejectedEventThatCannotBeKeptIsToBeSentAgain() async throws {
        let log = ScriptedLog(rejections: [.overloaded(retryAfter_s: 2)])
        try await Shop.open(over: log) { shop async throws in
            let body = #"[{"id":"a","session":"s","type":"add"},{"id":"b","session":"s"}]"#
            #expect(
                try await shop.post(body).text == """
                    200 {"durability":"broker","stored":1,"duplicate":0,"rejected":0,"retry":1,"events":[\
                    {"index":0,"id":"a","verdict":"stored","partition":0,"offset":0},\
                    {"index":1,"id":"b","verdict":"retry",\
                    "reason":"type: missing; it could not be kept: more is coming in than the log can write"}]}
                    """)
            #expect(log.kept == [])
        }
    }

    @Test func anUnreadableBodyThatCannotBeKeptIsToBeSentAgain() async throws {
        let log = ScriptedLog(rejections: [.overloaded(retryAfter_s: 2), nil])
        try await Shop.open(over: log) { shop async throws in
            let reply = try await shop.post("nonsense")
            #expect(reply.text == #"503 {"error":"more is coming in than the log can write"}"#)
            #expect(reply.headers[.retryAfter] == "2")
            #expect(try await shop.post("nonsense").status == 400)
            #expect(log.kept.count == 1)
        }
    }

    /// A log that does not remember ids itself, as Kafka: the collector recognises copies within a request.
    @Test func aCopyWithinARequestIsNotSentToTheLog() async throws {
        let log = ScriptedLog()
        try await Shop.open(over: log) { shop async throws in
            let other = #"{"id":"a","session":"other","type":"add"}"#
            #expect(
                try await shop.post("[\(Self.event),\(Self.event),\(other)]").text == """
                    200 {"durability":"broker","stored":2,"duplicate":1,"rejected":0,"retry":0,"events":[\
                    {"index":0,"id":"a","verdict":"stored","partition":0,"offset":0},\
                    {"index":1,"id":"a","verdict":"duplicate"},\
                    {"index":2,"id":"a","verdict":"stored","partition":0,"offset":1}]}
                    """)
            #expect(log.appended.map { $0.map(\.key) } == [["s:s", "s:other"]])
        }
    }

    @Test func aDuplicateOnTheLogIsNoRefusal() async throws {
        let log = ScriptedLog(appends: [.success([.duplicate])])
        try await Shop.open(over: log) { shop async throws in
            #expect(
                try await shop.post(Self.event).text == """
                    200 {"durability":"broker","stored":0,"duplicate":1,"rejected":0,"retry":0,"events":[\
                    {"index":0,"id":"a","verdict":"duplicate"}]}
                    """)
        }
    }

    /// The largest limits that can be configured leave room for a request of that size.
    @Test func aRequestOfTheLargestSizeFitsIntoTheMemoryForAll() async throws {
        let settings = CollectorSettings(maxBodyBytes: 64 << 20, maxInflatedBytes: 256 << 20, maxEvents: 100_000)
        try await Shop.open(over: ScriptedLog(), settings) { shop async throws in
            #expect(try await shop.post(Self.event).status == 200)
        }
    }

    /// What all requests hold together is bounded, and given back by each.
    @Test func requestsBeyondTheMemoryAreAskedToComeBack() async throws {
        let gate = Gate()
        let log = ScriptedLog(gate: gate)
        let settings = CollectorSettings(
            maxBodyBytes: 1_000, maxInflatedBytes: 1_000, maxHeldBytes: 4_000)
        try await Shop.open(over: log, settings, .ahc(.http)) { shop async throws in
            let large = Self.event + String(repeating: " ", count: 950)
            var arrivals = gate.arrivals.makeAsyncIterator()
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<3 {
                    group.addTask { try await shop.post(large).status }
                    await arrivals.next()
                }
                let reply = try await shop.post(large)
                #expect(reply.text == #"503 {"error":"more is coming in than there is memory for"}"#)
                #expect(reply.headers[.retryAfter] == "1")
                gate.open()
                for try await status in group { #expect(status == 200) }
            }
            #expect(try await shop.post(large).status == 200)
        }
    }
}
