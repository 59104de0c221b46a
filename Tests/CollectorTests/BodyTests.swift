import Collector
import EventLog
import Events
import Hummingbird
import HummingbirdTesting
import Testing

/// What may stand in a body, and the reply to it: compared whole.
@Suite struct BodyTests {
    private let detail = #"{"id":"a","session":"s1","type":"detail","sku":"p1","timestamp":1749999999000}"#
    private let storedDetail =
        #"{"id":"a","session":"s1","type":"detail","sku":"p1","timestamp":1749999999000,"received":1750000000000}"#

    @Test(arguments: ["application/json", "text/plain;charset=UTF-8", "application/x-ndjson", "Application/JSON ; q=1"])
    func oneEventIsStored(type: String) async throws {
        try await Shop.open { shop async throws in
            let reply = try await shop.post(detail, type: type)
            #expect(
                reply.text == """
                    200 {"durability":"fsync","stored":1,"duplicate":0,"rejected":0,"retry":0,"events":[\
                    {"index":0,"id":"a","verdict":"stored","partition":0,"offset":0}]}
                    """)
            #expect(reply.headers[.contentType] == "application/json")
            #expect(try await shop.records() == [storedDetail])
        }
    }

    @Test(arguments: [
        #"[{"id":"a","session":"s","type":"add"},{"id":"b","session":"s","type":"remove"}]"#,
        #"{"events":[{"id":"a","session":"s","type":"add"},{"id":"b","session":"s","type":"remove"}]}"#,
        "{\"id\":\"a\",\"session\":\"s\",\"type\":\"add\"}\n{\"id\":\"b\",\"session\":\"s\",\"type\":\"remove\"}\n",
        "\u{FEFF}{\"id\":\"a\",\"session\":\"s\",\"type\":\"add\"}\r\n\r\n{\"id\":\"b\",\"session\":\"s\",\"type\":\"remove\"}",
    ])
    func manyEventsAreStoredInOrder(body: String) async throws {
        try await Shop.open { shop async throws in
            let reply = try await shop.post(body)
            #expect(
                reply.text == """
                    200 {"durability":"fsync","stored":2,"duplicate":0,"rejected":0,"retry":0,"events":[\
                    {"index":0,"id":"a","verdict":"stored","partition":0,"offset":0},\
                    {"index":1,"id":"b","verdict":"stored","partition":0,"offset":1}]}
                    """)
            #expect(
                try await shop.records() == [
                    #"{"id":"a","session":"s","type":"add","timestamp":1750000000000,"received":1750000000000}"#,
                    #"{"id":"b","session":"s","type":"remove","timestamp":1750000000000,"received":1750000000000}"#,
                ])
        }
    }

    @Test func anEmptyArrayIsJudged() async throws {
        try await Shop.open { shop async throws in
            #expect(
                try await shop.post("[]").text
                    == #"200 {"durability":"fsync","stored":0,"duplicate":0,"rejected":0,"retry":0,"events":[]}"#)
        }
    }

    @Test func everyEventGetsItsVerdictInOrder() async throws {
        try await Shop.open { shop async throws in
            _ = try await shop.post(#"{"id":"old","session":"s","type":"add"}"#)
            let body = """
                [{"id":"old","session":"s","type":"add"},
                 {"id":"new","session":"s","type":"add","sku":17},
                 7,
                 {"id":"new","session":"s","type":"add"},
                 {"id":"new","session":"s","type":"add"},
                 {"visitor":"v","type":"search","query":"\\"blue\\" kayak"},
                 {"id":"c","type":"add"}]
                """
            #expect(
                try await shop.post(body).text == """
                    200 {"durability":"fsync","stored":2,"duplicate":2,"rejected":3,"retry":0,"events":[\
                    {"index":0,"id":"old","verdict":"duplicate"},\
                    {"index":1,"id":"new","verdict":"rejected","reason":"sku: must be text"},\
                    {"index":2,"verdict":"rejected","reason":"an event must be an object"},\
                    {"index":3,"id":"new","verdict":"stored","partition":0,"offset":1},\
                    {"index":4,"id":"new","verdict":"duplicate"},\
                    {"index":5,"id":"made-1","verdict":"stored","partition":0,"offset":2},\
                    {"index":6,"id":"c","verdict":"rejected",\
                    "reason":"session: missing, and `visitor` too; one of them is needed"}]}
                    """)
            #expect(
                try await shop.records() == [
                    #"{"id":"old","session":"s","type":"add","timestamp":1750000000000,"received":1750000000000}"#,
                    #"{"id":"new","session":"s","type":"add","timestamp":1750000000000,"received":1750000000000}"#,
                    #"{"id":"made-1","visitor":"v","type":"search","timestamp":1750000000000,"#
                        + #""received":1750000000000,"query":"\"blue\" kayak"}"#,
                ])
            #expect(
                try await shop.rejected() == [
                    #"collect sku: must be text | {"id":"new","session":"s","type":"add","sku":17}"#,
                    "collect an event must be an object | 7",
                    "collect session: missing, and `visitor` too; one of them is needed | "
                        + #"{"id":"c","type":"add"}"#,
                ])
        }
    }

    @Test func aBrokenLineLeavesItsNeighboursAlone() async throws {
        try await Shop.open { shop async throws in
            let body =
                "{\"id\":\"a\",\"session\":\"s\",\"type\":\"add\"}\nnonsense\n{\"id\":\"b\",\"session\":\"s\",\"type\":\"add\"}"
            #expect(
                try await shop.post(body, type: "application/x-ndjson").text == """
                    200 {"durability":"fsync","stored":2,"duplicate":0,"rejected":1,"retry":0,"events":[\
                    {"index":0,"id":"a","verdict":"stored","partition":0,"offset":0},\
                    {"index":1,"verdict":"rejected",\
                    "reason":"not JSON: `n` where an object should stand (at byte 38)"},\
                    {"index":2,"id":"b","verdict":"stored","partition":0,"offset":1}]}
                    """)
        }
    }

    @Test func theProductsOfAHitAreEventsOfTheirOwn() async throws {
        try await Shop.open { shop async throws in
            let hit = """
                {"t":"event","pa":"purchase","cid":"v1","z":"h7","ti":"o1","dl":"https://shop.example/thanks",\
                "pr1id":"p1","pr1pr":"9.99","pr2id":"p2","pr3id":"p3","pr3qt":2,"pr4pr":"1"}
                """
            #expect(
                try await shop.post(hit).text == """
                    200 {"durability":"fsync","stored":3,"duplicate":0,"rejected":1,"retry":0,"events":[\
                    {"index":0,"id":"h7/1","verdict":"stored","partition":0,"offset":0},\
                    {"index":0,"id":"h7/2","verdict":"stored","partition":0,"offset":1},\
                    {"index":0,"id":"h7/3","verdict":"stored","partition":0,"offset":2},\
                    {"index":0,"id":"h7/4","verdict":"rejected","reason":"pr4id: missing"}]}
                    """)
            #expect(try await shop.rejected() == ["collect pr4id: missing | \(hit)"])
            #expect(
                try await shop.records().last
                    == #"{"id":"h7/3","visitor":"v1","type":"purchase","sku":"p3","url":"https://shop.example/thanks","#
                    + #""timestamp":1750000000000,"received":1750000000000,"quantity":2,"order":"o1"}"#)
        }
    }

    @Test func theProductsOfABadHitAreKeptOnce() async throws {
        try await Shop.open { shop async throws in
            let hit = #"{"pa":"add","cid":"v1","z":"h8","pr1pr":"1","pr2pr":"2","pr3pr":"3"}"#
            let tally = try Tally(try await shop.post(hit))
            #expect(tally.rejected == 3)
            #expect(try await shop.rejected() == ["collect pr1id: missing | \(hit)"])
        }
    }

    /// The sender's clock is an hour slow; the event happened two seconds before it was sent.
    @Test func aClocksSkewIsCorrected() async throws {
        try await Shop.open { shop async throws in
            let sentAt = now - 3_600_000
            let body = """
                {"sentAt":\(sentAt),"events":[{"id":"a","session":"s","type":"add","timestamp":\(sentAt - 2_000)}]}
                """
            #expect(try Tally(try await shop.post(body)).stored == 1)
            #expect(
                try await shop.records() == [
                    #"{"id":"a","session":"s","type":"add","timestamp":1749999998000,"received":1750000000000}"#
                ])
        }
    }

    @Test(
        arguments: [
            ("", #""verdict":"stored""#, 1_750_000_000_000),
            (#","timestamp":null"#, #""verdict":"stored""#, 1_750_000_000_000),
            (#","timestamp":99999999999999999999"#, #""verdict":"stored""#, 1_750_000_000_000),
            (#","timestamp":1750000060000"#, #""verdict":"stored""#, 1_750_000_060_000),
            (#","timestamp":1750000060001"#, #""verdict":"stored""#, 1_750_000_000_000),
            (#","timestamp":-1"#, "timestamp: must not be negative", nil),
            (#","timestamp":1750000000"#, "timestamp: looks like seconds", nil),
            (#","timestamp":"1750000000000""#, "timestamp: must be a number", nil),
        ] as [(String, String, Int64?)])
    func timestamps(field: String, expected: String, time: Int64?) async throws {
        try await Shop.open { shop async throws in
            let reply = try await shop.post(#"{"id":"a","session":"s","type":"add"\#(field)}"#)
            #expect(reply.status == 200)
            #expect(reply.body.contains(expected))
            let records = try await shop.records()
            #expect(records.count == (time == nil ? 0 : 1))
            if let time, let record = records.first { #expect(record.contains("\"timestamp\":\(time),")) }
        }
    }

    @Test func anIDOfTenKilobytesIsRejectedAndCut() async throws {
        try await Shop.open { shop async throws in
            let body = #"{"id":"\#(String(repeating: "x", count: 10_000))","session":"s","type":"add"}"#
            #expect(
                try await shop.post(body).text == """
                    200 {"durability":"fsync","stored":0,"duplicate":0,"rejected":1,"retry":0,"events":[\
                    {"index":0,"verdict":"rejected","reason":"id: 10000 bytes, more than the 256 allowed"}]}
                    """)
            let kept = try await shop.log.rejected(from: 0, limit: 10)
            #expect(kept.map(\.bytes.count) == [4_096])
        }
    }

    /// Every field at its bound, in the characters that grow most when they are written.
    @Test func theLargestEventFitsARecord() async throws {
        try await Shop.open { shop async throws in
            let escaped = String(repeating: #"\""#, count: 2_048)
            let controls = String(repeating: #"\u0001"#, count: 1_024)
            let quotes = String(repeating: #"\""#, count: 256)
            let body = """
                {"id":"\(quotes)","session":"\(quotes)","visitor":"\(quotes)","sku":"\(quotes)","order":"\(quotes)",\
                "type":"search","url":"\(escaped)","query":"\(controls)"}
                """
            let tally = try Tally(try await shop.post(body))
            #expect(tally.stored == 1)
            #expect(try await shop.records().map(\.utf8.count).allSatisfy { $0 <= EventLimits.recordBytes })
        }
    }

    @Test func aCollectorMakesIDsThatDiffer() async throws {
        let log = ScriptedLog()
        let routes = CollectorRoutes(log: log, settings: CollectorSettings(), logger: silent, now: { now })
        try await Shop.application(routes).test(.live) { client in
            let shop = Shop(log: log, client: client)
            let event = #"{"session":"s","type":"add"}"#
            let body = "[" + Array(repeating: event, count: 1_000).joined(separator: ",") + "]"
            let ids = try Tally(try await shop.post(body)).events.compactMap(\.id)
            #expect(Set(ids).count == 1_000)
            let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
            #expect(ids.allSatisfy { $0.count == 22 && alphabet.isSuperset(of: $0) })
        }
    }
}
