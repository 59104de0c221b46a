import Events
import Testing

/// The shapes of a request's body, and what is said about each element.
struct CollectBodyTests {
    @Test func oneObjectIsOneEvent() throws {
        let body = """
            {"id":"e1","session":"S","visitor":"V","type":"add","sku":"A1","url":"https://shop.example/p/A1",
             "timestamp":1569999999000,"query":"red shoe","price":12.5,"quantity":2,"order":"O1","colour":{"a":[1]}}
            """
        let wanted = Event(
            id: "e1", session: "S", visitor: "V", kind: .add, timestamp: 1_569_999_999_000, sku: "A1",
            url: "https://shop.example/p/A1", query: "red shoe", price: 12.5, quantity: 2, order: "O1")
        let items = try decode(body)
        #expect(items == [.init(index: 0, id: "e1", result: .success(wanted), bytes: Array(body.utf8)[...])])
    }

    @Test(arguments: EventKind.allCases) func everyKindIsRead(kind: EventKind) throws {
        #expect(try decode(#"{"type":"\#(kind.name)","visitor":"V"}"#).event().kind == kind)
        #expect(try decode(query: "type=\(kind.name)&visitor=V").event().kind == kind)
    }

    @Test func anEventWithoutIDAndTimeGetsThem() throws {
        let body =
            #"[{"type":"add","session":"S"},{"type":"add"},{"id":"","type":"add","session":"S","timestamp":null}]"#
        let items = try decode(body)
        #expect(items.map(\.id) == ["made-1", nil, "made-2"])
        #expect(items.events.map(\.id) == ["made-1", "made-2"])
        #expect(items.events.map(\.timestamp) == [receipt, receipt])
    }

    @Test func elementsOfAnArrayAreJudgedEachByItself() throws {
        let body =
            #" [ {"id":"a","type":"add","session":"S"} , 7 , {"id":"b","type":"jump","session":"S"}, {"type":"add"} ] "#
        let items = try decode(body)
        #expect(items.map(\.index) == [0, 1, 2, 3])
        #expect(items.map(\.id) == ["a", nil, "b", nil])
        #expect(
            items.errors.map(\.description) == [
                "an event must be an object",
                "type: unknown `jump`; known are pageview, detail, add, remove, purchase, search, click",
                "session: missing, and `visitor` too; one of them is needed",
            ])
        #expect(
            items.map { String(decoding: $0.bytes, as: UTF8.self) } == [
                #"{"id":"a","type":"add","session":"S"}"#, "7", #"{"id":"b","type":"jump","session":"S"}"#,
                #"{"type":"add"}"#,
            ])
    }

    @Test func anEnvelopeCarriesManyAndWhenTheyWereSent() throws {
        let sent = receipt + 3_600_000  // The client's clock is an hour ahead.
        let body = #"{"events":[{"type":"add","session":"S","timestamp":\#(sent - 500)}],"sentAt":\#(sent)}"#
        let reordered =
            #"{"sentAt":\#(sent),"other":1,"events":[{"type":"add","session":"S","timestamp":\#(sent - 500)}]}"#
        #expect(try decode(body).events.map(\.timestamp) == [receipt - 500])
        #expect(try decode(reordered).events.map(\.timestamp) == [receipt - 500])
    }

    @Test func emptyListsGiveNothing() throws {
        #expect(try decode("[]") == [])
        #expect(try decode(#"{"events":[]}"#) == [])
    }

    @Test func linesAreJudgedEachByItself() throws {
        let body = """
            {"id":"a","type":"add","session":"S"}\r
            \t{"id":"b","type":"add",}

            {"id":"c","type":"add","session":"S"}
            """
        let items = try decode(body)
        #expect(items.map(\.index) == [0, 1, 2])
        #expect(items.events.map(\.id) == ["a", "c"])
        // The position is the body's: 39 bytes before the second line, and its tab.
        #expect(
            items.errors == [
                EventError(reason: "not JSON: `}` where a key in double quotes should stand", position: 63)
            ])
        #expect(items.map { String(decoding: $0.bytes, as: UTF8.self) }[1] == #"{"id":"b","type":"add",}"#)
    }

    @Test func aFirstLineThatIsBrokenDoesNotSpoilTheOthers() throws {
        let good = #"{"id":"b","type":"add","session":"S"}"#
        for broken in [#"{"id":"a""#, #"{"id":"a"}}"#, "hello", "7", "{\u{1}}"] {
            let items = try decode("\(broken)\n\(good)")
            #expect(items.map(\.index) == [0, 1])
            #expect(items.events.map(\.id) == ["b"])
        }
        // A line that stops where a document goes on is refused with all that follows, rather than taken apart.
        #expect(failure { () throws(EventError) in _ = try decode("{\"id\":\n\(good)") }?.position == 44)
    }

    @Test func aByteOrderMarkIsPassedOver() throws {
        let body = [0xEF, 0xBB, 0xBF] + Array(#"{"type":"add","session":"S"}"#.utf8)
        #expect(try decode(body).event().kind == .add)
    }

    @Test(arguments: [
        ("", "an empty body (at byte 0)"),
        (" \r\n\t", "an empty body (at byte 4)"),
        ("null", "not JSON: `n` where an object should stand (at byte 0)"),
        ("hello", "not JSON: `h` where an object should stand (at byte 0)"),
        ("{", "not JSON: it ends where a key in double quotes should stand (at byte 1)"),
        (#"{"type":"add""#, "not JSON: it ends where `,` or `}` should stand (at byte 13)"),
        (#"{"type":"ad"#, "not JSON: it ends where the closing quote of a text should stand (at byte 11)"),
        (#"[{"type":"add","session":"S"}"#, "not JSON: it ends where `,` or `]` should stand (at byte 29)"),
        (#"[{"type":"add","session":"S"},]"#, "not JSON: `]` where a value should stand (at byte 30)"),
        (#"{"events":7}"#, "events: must be an array of events"),
        (#"{"events":[],"events":[]}"#, "events: stands there more than once"),
        (#"{"events":[],"sentAt":"now"}"#, "sentAt: must be a number"),
        ("{\"type\":\n{}\n}x", "not JSON: `x` where nothing more should stand (at byte 13)"),
    ])
    func aBodyThatCannotBeReadIsRefusedWhole(body: String, error: String) {
        #expect(failure { () throws(EventError) in _ = try decode(body) }?.description == error)
    }

    @Test func invalidUTF8IsRefusedWithItsPosition() {
        let body = Array(#"{"type":"add","session":"S"#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8)
        let error = failure { () throws(EventError) in _ = try decode(body) }
        #expect(error == EventError(reason: "not valid UTF-8", position: 26))
    }

    @Test func nestingIsBounded() throws {
        func nested(_ levels: Int) -> String {
            #"{"type":"add","session":"S","x":"# + String(repeating: "[", count: levels)
                + String(repeating: "]", count: levels) + "}"
        }
        #expect(try decode(nested(EventLimits.jsonDepth - 1)).event().kind == .add)
        for levels in [EventLimits.jsonDepth, 200_000] {
            let error = failure { () throws(EventError) in _ = try decode(nested(levels)) }
            #expect(error?.reason == "nested deeper than 16 levels")
        }
        let open = failure { () throws(EventError) in _ = try decode(String(repeating: "[", count: 1_000_000)) }
        #expect(open?.position == 16)
        let objects = String(repeating: #"{"a":"#, count: 100_000)
        #expect(failure { () throws(EventError) in _ = try decode(objects) }?.reason == "nested deeper than 16 levels")
    }

    @Test func aBodyOfTooManyEventsIsRefusedWhole() throws {
        let event = #"{"type":"add","session":"S"}"#
        for body in [
            "[\(event),\(event),\(event)]", "{\"events\":[\(event),\(event),7]}", "\(event)\n\(event)\n\(event)",
            #"[{"pa":"add","cid":"V","pr1id":"A","pr2id":"B","pr3id":"C"}]"#,
        ] {
            #expect(try decode(body, maxItems: 3).count == 3)
            let error = failure { () throws(EventError) in _ = try decode(body, maxItems: 2) }
            #expect(error?.reason == "more than 2 events in one body; send them in several")
        }
    }

    @Test func escapesAreUndoneInValuesAndNames() throws {
        let body =
            #"{"t\u0079pe":"\u0061dd","session":"S\/\"\\","sku":"\uD83D\uDE00\u00e9","query":"a\tb\u0000\b\f\r\n"}"#
        let event = try decode(body).event()
        #expect(event.kind == .add)
        #expect(event.session == #"S/"\"#)
        #expect(event.sku == "😀é")
        #expect(event.query == "a\tb\u{0}\u{8}\u{c}\r\n")
    }

    /// Senders and readers disagree on which of two equal names holds.
    @Test func aFieldThatStandsTwiceIsRejected() throws {
        let items = try decode(#"{"id":"a","type":"add","session":"S","sku":"1","s\u006bu":"1"}"#)
        #expect(items.errors.map(\.description) == ["sku: stands there more than once"])
        #expect(try decode(#"{"type":"add","session":"S","colour":1,"colour":2}"#).event().kind == .add)
    }

    /// Only whoever writes to the log itself may say these.
    @Test func controlAndTimelineMeanNothingInARequest() throws {
        let body = #"{"id":"a","type":"add","session":"S","control":"end","timeline":"october"}"#
        #expect(try decode(body).event() == Event(id: "a", session: "S", kind: .add, timestamp: receipt))
    }

    @Test func aHugeTextIsRejectedAndTheRestIsKept() throws {
        let huge = String(repeating: "x", count: 5_000_000)
        let items = try decode(
            #"[{"id":"a","type":"add","session":"\#(huge)"},{"id":"\#(huge)","type":"add","session":"S"},"#
                + #"{"id":"c","type":"add","session":"S","ignored":"\#(huge)"}]"#)
        #expect(
            items.errors.map(\.description) == [
                "session: 5000000 bytes, more than the 256 allowed", "id: 5000000 bytes, more than the 256 allowed",
            ])
        #expect(items.events.map(\.id) == ["c"])
    }
}
