import Events
import FoundationEssentials
import Testing

/// What stands on the log.
struct RecordCoderTests {
    private let full = Event(
        id: "e1", session: "S", visitor: "V", kind: .add, timestamp: 1_569_999_999_000, sku: "A\"1", url: "/p\\1",
        query: "a\u{0}\tb\u{1f}é😀", price: 0.1, quantity: 2, order: "O/1")

    @Test func aRecordIsReadable() {
        let record = RecordCoder.encode(full, timeline: .replay("october"), received: receipt)
        #expect(
            String(decoding: record, as: UTF8.self)
                == #"{"id":"e1","session":"S","visitor":"V","type":"add","sku":"A\"1","#
                + #""url":"/p\\1","timestamp":1569999999000,"received":1570000000000,"query":"a\u0000\tb\u001fé😀","#
                + #""price":0.1,"quantity":2,"order":"O/1","timeline":"october"}"#)
        #expect(String(decoding: RecordCoder.tick, as: UTF8.self) == #"{"control":"tick"}"#)
        #expect(
            String(decoding: RecordCoder.encodeEnd(replay: "a\"b"), as: UTF8.self)
                == #"{"control":"end","timeline":"a\"b"}"#)
    }

    @Test func fieldsThatAreNotGivenAreLeftOut() throws {
        let event = Event(id: "e1", visitor: "V", kind: .pageview, timestamp: 1_569_999_999_000)
        let record = RecordCoder.encode(event, timeline: .live, received: receipt)
        #expect(
            String(decoding: record, as: UTF8.self)
                == #"{"id":"e1","visitor":"V","type":"pageview","timestamp":1569999999000,"received":1570000000000}"#)
        #expect(try RecordCoder.decode(record) == .event(event, timeline: .live))
    }

    @Test func controlRecordsAreReadBack() throws {
        #expect(try RecordCoder.decode(RecordCoder.tick) == .tick)
        #expect(try RecordCoder.decode(RecordCoder.encodeEnd(replay: "a\"b\\é")) == .end(replay: "a\"b\\é"))
    }

    /// Every accepted event fits into a record, whatever its texts turn into when they are escaped.
    @Test func theLargestEventFitsIntoARecord() throws {
        func text(_ maxBytes: Int) -> String { String(repeating: "\"", count: maxBytes) }
        let event = Event(
            id: text(EventLimits.idBytes), session: text(EventLimits.sessionBytes),
            visitor: text(EventLimits.visitorBytes), kind: .pageview, timestamp: EventLimits.latestTimestamp,
            sku: text(EventLimits.skuBytes), url: text(EventLimits.urlBytes),
            query: String(repeating: "\u{1}", count: EventLimits.queryBytes), price: 123_456_789_012.34567,
            quantity: 1_000_000, order: text(EventLimits.orderBytes))
        let timeline = Timeline.replay(text(EventLimits.timelineBytes))
        let record = RecordCoder.encode(event, timeline: timeline, received: .max)
        #expect(record.count <= EventLimits.recordBytes)
        #expect(try RecordCoder.decode(record) == .event(event, timeline: timeline))
    }

    @Test(arguments: 1...8) func whatIsEncodedIsReadBack(seed: Int) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let event = Event.random(&random)
            let timeline: Timeline = random.once(in: 3) ? .replay("r\(random.below(5))\"") : .live
            let record = RecordCoder.encode(event, timeline: timeline, received: receipt)
            #expect(JSONValue(record) != nil, "\(event)")
            let entry = try RecordCoder.decode(record)
            guard case .event(let decoded, timeline: timeline) = entry else {
                Issue.record("\(entry) for \(event)")
                return
            }
            // Swift's `==` holds texts equal that differ in bytes; the log does not.
            #expect(decoded.texts == event.texts)
            #expect(decoded == event)
        }
    }

    @Test func furtherFieldsOfOtherProducersAreSkipped() throws {
        let record =
            #"{"id":"1","session":"S","type":"add","timestamp":1570000000000,"tags":[{"a":null}],"received":"x"}"#
        #expect(
            try RecordCoder.decode(Array(record.utf8))
                == .event(Event(id: "1", session: "S", kind: .add, timestamp: receipt), timeline: .live))
    }

    @Test(arguments: [
        ("", "not JSON: it ends where an object should stand (at byte 0)"),
        ("[]", "not JSON: `[` where an object should stand (at byte 0)"),
        (#"{"control":"tick"}x"#, "not JSON: `x` where nothing more should stand (at byte 18)"),
        (#"{"control":"stop"}"#, "control: unknown `stop`; known are tick, end"),
        (#"{"control":7}"#, "control: must be text"),
        (#"{"control":"end"}"#, "timeline: an end mark names the replay that ends"),
        (#"{"control":"end","timeline":"live"}"#, "timeline: an end mark names the replay that ends"),
        (#"{"control":"tick","control":"tick"}"#, "control: stands there more than once"),
        (#"{"session":"S","type":"add","timestamp":1570000000000}"#, "id: missing"),
        (#"{"id":"1","session":"S","type":"add"}"#, "timestamp: missing"),
        (#"{"id":"1","session":"S","timestamp":1570000000000}"#, "type: missing"),
        (
            #"{"id":"1","type":"add","timestamp":1570000000000}"#,
            "session: missing, and `visitor` too; one of them is needed"
        ),
        (
            #"{"id":"1","session":"S","type":"add","timestamp":4102444800001}"#,
            "timestamp: after 2100; milliseconds since 1970 are wanted"
        ),
        (#"{"t":"pageview","cid":"V","z":"1","tm":1570000000000}"#, "id: missing"),
    ])
    func aRecordThatBreaksARuleSaysWhich(record: String, error: String) {
        let found = failure { () throws(EventError) in _ = try RecordCoder.decode(Array(record.utf8)) }
        #expect(found?.description == error)
    }

    @Test func timelinesAndRecordsAreBounded() {
        let name = String(repeating: "n", count: EventLimits.timelineBytes + 1)
        let long = failure { () throws(EventError) in _ = try RecordCoder.decode(RecordCoder.encodeEnd(replay: name)) }
        #expect(long?.description == "timeline: 41 bytes, more than the 40 allowed")
        let padded = Array(#"{"control":"tick"}"#.utf8) + Array(repeating: 0x20, count: EventLimits.recordBytes)
        let large = failure { () throws(EventError) in _ = try RecordCoder.decode(padded) }
        #expect(large?.description == "16402 bytes, more than the 16384 of a record")
    }
}

extension Event {
    /// Every text's bytes, in a fixed order.
    var texts: [[UInt8]?] {
        [id, session, visitor, sku, url, query, order].map { $0.map { Array($0.utf8) } }
    }

    /// Any event that the bounds allow, often with letters that make a reader stumble.
    static func random(_ random: inout SeededGenerator) -> Event {
        func text(_ maxCount: Int, controls: Bool = false) -> String {
            var letters = [
                "a", "Z", "0", " ", "\"", "\\", "/", "{", ",", "é", "e\u{301}", "ß", "漢", "😀", "\u{7f}", "\u{2028}",
            ]
            if controls { letters += ["\u{0}", "\n", "\t", "\u{1f}", "\r"] }
            return (0...random.below(maxCount)).map { _ in random.one(of: letters) }.joined()
        }
        func maybe<Value>(_ value: @autoclosure () -> Value) -> Value? { random.once(in: 2) ? value() : nil }
        let session = maybe(text(40))
        let spread = EventLimits.latestTimestamp - EventLimits.earliestTimestamp
        return Event(
            id: text(30), session: session, visitor: session == nil ? text(30) : maybe(text(30)),
            kind: random.one(of: EventKind.allCases),
            timestamp: EventLimits.earliestTimestamp + Int64(random.below(Int(spread))),
            sku: maybe(text(20)), url: maybe(text(200)), query: maybe(text(100, controls: true)),
            price: maybe(Double.random(in: 0...1, using: &random) * random.one(of: [1e-12, 1, 100, 1e6, 1e12])),
            quantity: maybe(1 + random.below(1_000_000)), order: maybe(text(20)))
    }
}
