import Collector
import EventLog
import Events
import HTTPTypes
import Testing

/// The wire between `dinghy replay` and a server.
@Suite struct ReplayDoorTests {
    private func row(_ number: Int, timeline: String = "march") -> String {
        let event = Event(
            id: "march/\(number)", session: "s\(number % 3)", kind: .detail, timestamp: 1_570_000_000_000,
            sku: "p\(number)")
        let record = RecordCoder.encode(event, timeline: .replay(timeline), received: 1_750_000_000_000)
        return String(decoding: record, as: UTF8.self)
    }

    /// `bad row` in base 64.
    private let rejection = #"{"rejected":{"reason":"sku: missing","line":17,"bytes":"YmFkIHJvdw=="}}"#

    private func send(_ shop: Shop, row: Int, _ lines: [String], to name: String = "march") async throws -> String {
        let body = lines.joined(separator: "\n") + "\n"
        return try await shop.post(body, to: "/replay/\(name)?row=\(row)", type: "application/x-ndjson").text
    }

    @Test func aReplayIsBegunResumedAndEnded() async throws {
        try await Shop.open(partitions: 2) { shop async throws in
            #expect(try await shop.get("/replay/march").text == #"200 {"name":"march","lastRow":0,"ended":false}"#)
            #expect(
                try await send(shop, row: 1, [row(1), rejection, row(3)])
                    == #"200 {"stored":2,"rejected":1,"duplicates":0}"#)
            #expect(try await shop.get("/replay/march").text == #"200 {"name":"march","lastRow":3,"ended":false}"#)
            // The answer was lost: the same rows again, and two more.
            #expect(
                try await send(shop, row: 1, [row(1), rejection, row(3), row(4), row(5)])
                    == #"200 {"stored":2,"rejected":0,"duplicates":3}"#)
            #expect(
                try await send(shop, row: 5, [row(5)]) == #"200 {"stored":0,"rejected":0,"duplicates":1}"#)
            #expect(
                try await shop.post("", to: "/replay/march/end").text
                    == #"200 {"name":"march","lastRow":5,"ended":true}"#)
            #expect(
                try await shop.post("", to: "/replay/march/end", type: nil).text
                    == #"200 {"name":"march","lastRow":5,"ended":true}"#)

            let end = #"{"control":"end","timeline":"march"}"#
            #expect(try await shop.records().sorted() == ([1, 3, 4, 5].map { row($0) } + [end, end]).sorted())
            #expect(try await shop.rejected() == ["march:17 sku: missing | bad row"])
        }
    }

    @Test func aGapIsRefusedAndSaysWhereToGoOn() async throws {
        try await Shop.open { shop async throws in
            #expect(
                try await send(shop, row: 3, [row(3)]) == """
                    409 {"error":"replay march continues at row 1, but row 3 was sent: send the rows from 1 on",\
                    "expected":1}
                    """)
            _ = try await send(shop, row: 1, [row(1), row(2)])
            #expect(
                try await send(shop, row: 7, [row(7), row(8)]) == """
                    409 {"error":"replay march continues at row 3, but row 7 was sent: send the rows from 3 on",\
                    "expected":3}
                    """)
            #expect(try await shop.records().count == 2)
        }
    }

    @Test(arguments: [
        ("", "it ends where an object should stand (at byte 0)"),
        ("nonsense", "not JSON: `n` where an object should stand (at byte 0)"),
        (#"{"control":"tick"}"#, "control: a row is an event; marks are the log's own"),
        (#"{"control":"end","timeline":"march"}"#, "control: a row is an event; marks are the log's own"),
        (
            #"{"id":"a","session":"s","type":"add","timestamp":1570000000000}"#,
            "timeline: must be the replay's name, as in the path"
        ),
        (
            #"{"id":"a","session":"s","type":"add","timestamp":1570000000000,"timeline":"april"}"#,
            "timeline: must be the replay's name, as in the path"
        ),
        (#"{"id":"a","type":"add","timestamp":1570000000000,"timeline":"march"}"#, "session: missing"),
        (#"{"rejected":{"line":1,"bytes":""}}"#, "rejected: must hold `reason`"),
        (#" { "rejected":{"reason":"x","bytes":"not base 64!"}}"#, "rejected: must hold `reason`"),
        (#"{"rejected":{"reason":"","bytes":""}}"#, "rejected.reason: must be 1 to 1024 bytes"),
        (
            #"{"rejected":{"reason":"x","bytes":"\#(String(repeating: "A", count: 16_400))"}}"#,
            "bytes, more than the 16384 of a record"
        ),
    ])
    func nothingOfARequestWithAMalformedLineIsTaken(line: String, reason: String) async throws {
        try await Shop.open { shop async throws in
            let reply = try await send(shop, row: 1, [row(1), line, row(3)])
            #expect(reply.hasPrefix(#"400 {"error":"line 2 (row 2): "#))
            #expect(reply.contains(reason))
            #expect(try await shop.records() == [])
            #expect(try await shop.rejected() == [])
            #expect(try await shop.get("/replay/march").text == #"200 {"name":"march","lastRow":0,"ended":false}"#)
        }
    }

    @Test(arguments: ["", "?row=", "?row=0", "?row=-1", "?row=x", "?row=9223372036854775808"])
    func withoutItsRowARequestIsRefused(query: String) async throws {
        try await Shop.open { shop async throws in
            let reply = try await shop.post(row(1), to: "/replay/march\(query)")
            #expect(
                reply.text == """
                    400 {"error":"`row` must be in the query: the number of the first line's row, from 1"}
                    """)
        }
    }

    @Test func rowNumbersMayNotRunOver() async throws {
        try await Shop.open { shop async throws in
            #expect(
                try await send(shop, row: .max, [row(1), row(2)])
                    == #"400 {"error":"row numbers beyond 64 bits"}"#)
        }
    }

    @Test(arguments: [
        ("live", "`live` is what happens now; a replay needs a name of its own"),
        ("a%0Ab", "a replay's name holds no control characters"),
        ("%FF", "the replay's name in the path is not percent-encoded UTF-8"),
        ("%4", "the replay's name in the path is not percent-encoded UTF-8"),
        (String(repeating: "n", count: 41), "a replay's name has 1 to 40 bytes"),
    ])
    func otherNamesAreRefused(name: String, reason: String) async throws {
        try await Shop.open { shop async throws in
            let refusal = #"400 {"error":"\#(reason)"}"#
            #expect(try await shop.get("/replay/\(name)").text == refusal)
            #expect(try await shop.post("", to: "/replay/\(name)/end").text == refusal)
            #expect(try await shop.post(row(1), to: "/replay/\(name)?row=1").text == refusal)
        }
    }

    @Test func aNameMayHoldAnythingElse() async throws {
        try await Shop.open { shop async throws in
            let name = "März / 50 %"
            let encoded = "M%C3%A4rz%20%2F%2050%20%25"
            #expect(
                try await send(shop, row: 1, [row(1, timeline: name)], to: encoded)
                    == #"200 {"stored":1,"rejected":0,"duplicates":0}"#)
            #expect(
                try await shop.get("/replay/\(encoded)").text
                    == #"200 {"name":"März / 50 %","lastRow":1,"ended":false}"#)
        }
    }

    @Test func gzipLimitsAndKeysHoldHereToo() async throws {
        let settings = CollectorSettings(writeKeys: ["0123456789abcdef"], maxBodyBytes: 2_000, maxEvents: 3)
        try await Shop.open(settings) { shop async throws in
            let key: HTTPFields = [.authorization: "Bearer 0123456789abcdef"]
            let gzip: HTTPFields = [.authorization: "Bearer 0123456789abcdef", .contentEncoding: "gzip"]
            let three = (1...3).map { row($0) }.joined(separator: "\n")
            let four = (1...4).map { row($0) }.joined(separator: "\n")
            let uri = "/replay/march?row=1"
            #expect(try await shop.post(three, to: uri).status == 401)
            #expect(try await shop.get("/replay/march").status == 401)
            #expect(try await shop.post("", to: "/replay/march/end").status == 401)
            #expect(try await shop.post(three, to: uri, type: "text/csv", headers: key).status == 415)
            #expect(try await shop.post("", to: uri, headers: key).text.hasPrefix(#"400 {"error":"an empty body"#))
            #expect(
                try await shop.post(four, to: uri, headers: key).text
                    == #"413 {"error":"more than 3 rows in one body; send them in several"}"#)
            #expect(
                try await shop.post(String(repeating: "x", count: 2_001), to: uri, headers: key).status == 413)
            #expect(
                try await shop.post(Array(gzipped(three.utf8).dropLast()), to: uri, headers: gzip).status == 400)
            #expect(try await shop.records() == [])
            #expect(
                try await shop.post(gzipped(three.utf8), to: uri, headers: gzip).text
                    == #"200 {"stored":3,"rejected":0,"duplicates":0}"#)
            // An unreadable request is the sender's to repeat: it knows its rows.
            #expect(try await shop.rejected() == [])
        }
    }

    @Test func aLogThatRefusesIsSaid() async throws {
        try await Shop.open(over: ScriptedLog(others: .overloaded(retryAfter_s: 4))) { shop async throws in
            for reply in [
                try await shop.post(row(1), to: "/replay/march?row=1"), try await shop.get("/replay/march"),
                try await shop.post("", to: "/replay/march/end"),
            ] {
                #expect(reply.text == #"503 {"error":"more is coming in than the log can write"}"#)
                #expect(reply.headers[.retryAfter] == "4")
            }
        }
    }
}
