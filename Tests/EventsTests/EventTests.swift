import Events
import Testing

/// What other rooms store: words, numbers and hashes that must never change.
struct EventTests {
    @Test func kindsKeepTheirNumbersAndNames() {
        let kinds = EventKind.allCases.map { "\($0.rawValue) \($0.name)" }
        #expect(kinds == ["0 pageview", "1 detail", "2 add", "3 remove", "4 purchase", "5 search", "6 click"])
    }

    /// FNV-1a's published values for these texts, put through SplitMix64's finaliser by a program of its own.
    @Test(
        arguments: [
            ("", 0xf52a_15e9_a9b5_e89b), ("a", 0x02c0_bdbf_4814_20f8), ("foobar", 0x404d_a9e3_b740_78c2),
            ("s:session\u{0}id", 0xcc31_e0cf_1335_0789), ("Größe 42", 0xc92d_eaa5_9747_0f03),
        ] as [(String, UInt64)])
    func hashesAreTheSameOnEveryMachine(text: String, hash: UInt64) {
        #expect(StableHash.of(text) == hash)
        #expect(Array(text.utf8).withUnsafeBufferPointer { StableHash.of(bytes: $0) } == hash)
    }

    @Test func identityIsTheHashOfSessionKeyAndID() {
        let event = Event(id: "id", session: "session", visitor: "visitor", kind: .add, timestamp: receipt)
        #expect(event.identity == 0xcc31_e0cf_1335_0789)
    }

    @Test func aSessionIDIsTheKeyBeforeAVisitorID() {
        let both = Event(id: "1", session: "S", visitor: "V", kind: .add, timestamp: receipt)
        let visitor = Event(id: "1", visitor: "V", kind: .add, timestamp: receipt)
        #expect(both.sessionKey == "s:S")
        #expect(visitor.sessionKey == "v:V")
    }

    @Test func errorsNameFieldAndPosition() {
        #expect("\(EventError(field: "sku", reason: "must be text"))" == "sku: must be text")
        #expect("\(EventError(reason: "not JSON", position: 7))" == "not JSON (at byte 7)")
    }

    @Test func liveIsTheOnlyTimelineCalledLive() {
        #expect(Timeline(name: "live") == .live)
        #expect(Timeline(name: "october") == .replay("october"))
        #expect(Timeline.replay("october").name == "october")
    }
}
