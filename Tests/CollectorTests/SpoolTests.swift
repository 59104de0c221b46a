import Collector
import EventLog
import Foundation
import HTTPTypes
import SpooledLog
import Testing

/// Requests while the log behind the collector's spool is away: the reply tells what is on which disk.
@Suite struct SpoolTests {
    private static func event(_ id: String, padding: Int = 0) -> String {
        #"{"id":"\#(id)","session":"s","type":"add","url":"\#(String(repeating: "u", count: padding))"}"#
    }

    private static let away = EventLogError.failed("all brokers are down")

    /// A shop whose log is away for good, with a spool of so many bytes.
    private static func whileAway(maxBytes: Int = 1 << 20, _ body: @Sendable (Shop) async throws -> Void) async throws {
        try await withDirectory { path in
            let log = ScriptedLog(
                appends: Array(repeating: .failure(away), count: 10_000),
                rejections: Array(repeating: away, count: 10_000))
            let spooled = try await SpooledLog.open(
                over: log, SpoolSettings(directory: path, maxBytes: maxBytes), logger: silent, now: { now })
            do {
                try await Shop.open(over: spooled) { shop async throws in try await body(shop) }
            } catch {
                await spooled.close()
                throw error
            }
            await spooled.close()
        }
    }

    @Test func theReplySaysSpool() async throws {
        try await Self.whileAway { shop async throws in
            let body = "[\(Self.event("a")),\(Self.event("a")),7]"
            #expect(
                try await shop.post(body).text == """
                    200 {"durability":"spool","stored":1,"duplicate":1,"rejected":1,"retry":0,"events":[\
                    {"index":0,"id":"a","verdict":"stored","durability":"spool"},\
                    {"index":1,"id":"a","verdict":"duplicate"},\
                    {"index":2,"verdict":"rejected","reason":"an event must be an object"}]}
                    """)
            // The event, and what was rejected.
            #expect((shop.log as? SpooledLog)?.status.records == 2)
            #expect(try await shop.post("nonsense").status == 400)
            #expect((shop.log as? SpooledLog)?.status.records == 3)
            let pixel = try await shop.get("/collect?id=p&session=s&type=add")
            #expect(pixel.headers[try #require(.init("X-Dinghy-Verdict"))] == "stored spool")
        }
    }

    @Test func aFullSpoolIsToldWith503AndRetryAfter() async throws {
        try await Self.whileAway(maxBytes: 2_000) { shop async throws in
            var reply = try await shop.post(Self.event("0"))
            var number = 0
            while reply.status == 200, number < 100 {
                number += 1
                reply = try await shop.post(Self.event("\(number)"))
            }
            #expect(number > 3)
            #expect(
                reply.text == """
                    503 {"durability":"broker","stored":0,"duplicate":0,"rejected":0,"retry":1,"events":[\
                    {"index":0,"id":"\(number)","verdict":"retry","reason":"more is coming in than the log can write"}]}
                    """)
            #expect(reply.headers[.retryAfter] == "5")
        }
    }

    @Test func eachEventsDurabilityIsToldWhereTheyDiffer() async throws {
        let log = ScriptedLog(appends: [.success([.spooled, .stored(Location(partition: 0, offset: 7))])])
        try await Shop.open(over: log) { shop async throws in
            #expect(
                try await shop.post("[\(Self.event("a")),\(Self.event("b"))]").text == """
                    200 {"durability":"spool","stored":2,"duplicate":0,"rejected":0,"retry":0,"events":[\
                    {"index":0,"id":"a","verdict":"stored","durability":"spool"},\
                    {"index":1,"id":"b","verdict":"stored","partition":0,"offset":7,"durability":"broker"}]}
                    """)
        }
    }

    /// The log names its limit at the first append, or leaves it to be found.
    @Test(arguments: [(300, "more than the 300 allowed"), (nil, "more than the log allows")])
    func aRecordThatIsTooLargeForTheLogIsRejectedAndItsNeighboursAreStored(limit: Int?, words: String) async throws {
        let refusal = Result<[AppendVerdict], EventLogError>.failure(.tooLarge(bytes: 586, limit: limit))
        let stored = Result<[AppendVerdict], EventLogError>.success([.stored(Location(partition: 0, offset: 0))])
        let both = Result<[AppendVerdict], EventLogError>.success([
            .stored(Location(partition: 0, offset: 0)), .stored(Location(partition: 0, offset: 1)),
        ])
        // Unnamed: all three, the first, the last two, the large one, the last one.
        let log = ScriptedLog(
            appends: limit == nil
                ? [
                    refusal, stored, refusal, refusal, .success([.stored(Location(partition: 0, offset: 1))]),
                ] : [refusal, both])
        try await Shop.open(over: log) { shop async throws in
            let body = "[\(Self.event("a")),\(Self.event("b", padding: 500)),\(Self.event("b")),\(Self.event("c"))]"
            let reply = try Tally(try await shop.post(body))
            let size = try #require(log.appended.first).map(\.value.count)[1]
            let reason = "a record of \(size) bytes, \(words)"
            #expect(reply.durability == "broker")
            #expect(reply.events.map(\.verdict) == ["stored", "rejected", "rejected", "stored"])
            #expect(reply.events.map(\.reason) == [nil, reason, reason, nil])
            #expect(reply.events.map(\.offset) == [0, nil, nil, 1])
            #expect(log.kept.map(\.reason) == [reason])
            #expect(log.kept.map(\.bytes) == [Array(Self.event("b", padding: 500).utf8)])
        }
    }
}
