import Events
import Foundation
import Scoring
import Testing

struct ScoreRecordTests {
    static func score(_ random: inout SeededRandom) -> ScoreRecord {
        let texts = ["abc", "", "quote\"back\\slash", "tab\tline\n", "häuser 家 🚤", "\u{1}\u{7f}"]
        var record = ScoreRecord.sample
        record.key = texts.randomElement(using: &random)!  // The list is not empty.
        record.sku = Bool.random(using: &random) ? texts.randomElement(using: &random) : nil
        record.page = Bool.random(using: &random) ? texts.randomElement(using: &random) : nil
        record.offset = Int64.random(in: 0..<(1 << 53), using: &random)
        record.timestamp = Int64.random(in: -(1 << 53)..<(1 << 53), using: &random)
        record.score = Float(bitPattern: UInt32.random(in: 0...Float(1).bitPattern, using: &random))
        record.change = Bool.random(using: &random) ? Float.random(in: -1...1, using: &random) : nil
        return record
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func whatWasWrittenIsReadBackBitForBit(seed: UInt64) throws {
        var random = SeededRandom(seed)
        for _ in 0..<2_000 {
            let record = Self.score(&random)
            let bytes = record.encoded()
            let read = try ScoreRecord(decoding: bytes)
            #expect(read == record, "seed \(seed)")
            #expect(
                read.score.bitPattern == record.score.bitPattern && read.change?.bitPattern == record.change?.bitPattern
            )
            // The general decoder reads the same text to the same record.
            #expect(try JSONDecoder().decode(ScoreRecord.self, from: Data(bytes)) == record, "seed \(seed)")
        }
    }

    @Test func outcomesAreReadBack() throws {
        for purchaseOffset in [nil, 17] as [Int64?] {
            var record = OutcomeRecord.sample
            record.purchased = purchaseOffset != nil
            record.purchaseOffset = purchaseOffset
            #expect(try OutcomeRecord(decoding: record.encoded()) == record)
            #expect(try JSONDecoder().decode(OutcomeRecord.self, from: Data(record.encoded())) == record)
        }
    }

    @Test func recordsInAnyOrderWithFurtherMembersAreRead() throws {
        let bytes = Array(
            """
            { "model": 3, "new": {"deep": [1, null]}, "score": 5e-1, "cart": 0, "prefix": 2, "type": "add",
              "timestamp": 7, "offset": 12, "partition": 1, "timeline": "live", "key": "s:a", "session": "1:9" }
            """.utf8)
        var expected = ScoreRecord.sample
        expected.session = "1:9"
        expected.key = "s:a"
        expected.partition = 1
        expected.offset = 12
        expected.timestamp = 7
        expected.type = "add"
        expected.sku = nil
        expected.page = nil
        expected.prefix = 2
        expected.cart = 0
        expected.score = 0.5
        expected.change = nil
        expected.model = 3
        #expect(try ScoreRecord(decoding: bytes) == expected)
    }

    @Test(arguments: [
        ("", "not JSON: it ends where an object should stand (at byte 0)"),
        ("[]", "not JSON: `[` where an object should stand (at byte 0)"),
        ("{}", "session: missing"),
        (#"{"session":7}"#, "session: must be text (at byte 11)"),
        (#"{"offset":1.5}"#, "offset: must be a whole number (at byte 10)"),
        (#"{"score":"1"}"#, "score: must be a number (at byte 10)"),
        (#"{"score":1e99}"#, "score: must be a number (at byte 9)"),
        (#"{"model":1} x"#, "not JSON: `x` where nothing more should stand (at byte 12)"),
    ])
    func whatIsNoScoreIsRefusedByName(text: String, message: String) {
        do {
            _ = try ScoreRecord(decoding: Array(text.utf8))
            Issue.record("\(text) was read")
        } catch {
            #expect(error.description == message)
        }
    }

    @Test func everyTruncationIsRefused() {
        let bytes = ScoreRecord.sample.encoded()
        for length in bytes.indices {
            #expect(throws: EventError.self, "\(length) bytes") { try ScoreRecord(decoding: Array(bytes[..<length])) }
        }
    }

    @Test func identitiesAreReadStrictly() {
        #expect(SessionIdentity("3:1700") == SessionIdentity(partition: 3, firstOffset: 1_700))
        #expect(SessionIdentity(partition: 3, firstOffset: 1_700).description == "3:1700")
        for text in [
            "", ":", "3:", ":4", "3:4:5", "-3:4", "+3:4", "03:4", "3:04", "3: 4", "a:4", "3:9999999999999999999",
        ] {
            #expect(SessionIdentity(text) == nil, "'\(text)'")
        }
    }
}

extension ScoreRecord {
    static var sample: ScoreRecord {
        ScoreRecord(
            session: "0:17", key: "s:abc", timeline: "live", partition: 0, offset: 23, timestamp: 1_700_000_000_000,
            type: "detail", sku: "A1", page: "/p/a1", prefix: 3, cart: 1, score: 0.25, change: -0.125, model: 1)
    }
}

extension OutcomeRecord {
    static var sample: OutcomeRecord {
        OutcomeRecord(
            session: "0:17", key: "s:abc", timeline: "live", partition: 0, offset: 40, purchased: false,
            purchaseOffset: nil, prefixes: 3, records: 4, adds: 1, started: 1_700_000_000_000,
            ended: 1_700_000_100_000, closing: "silence", truncated: false)
    }
}
