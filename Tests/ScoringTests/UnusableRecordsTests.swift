import EmbeddedLog
import EventLog
import Events
import Sessions
import Testing

/// Records that no fold can use, whoever wrote them to the log: kept with their place, and passed over.
@Suite(.timeLimit(.minutes(2)))
struct UnusableRecordsTests {
    /// Poison, and what its reason must say.
    static let poison: [(value: [UInt8], reason: String)] = [
        (Array("not JSON".utf8), "byte 0"),
        ([], "byte 0"),
        ([0xff, 0xfe, 0x00], "byte 0"),
        (Array("[1,2]".utf8), "byte 0"),
        (Array(#"{"type":"detail","session":"a","timestamp":1700000000000}"#.utf8), "id: missing"),
        (Array(#"{"id":"1","session":"a","timestamp":1700000000000}"#.utf8), "type: missing"),
        (Array(#"{"control":"stop"}"#.utf8), "control"),
        (Array(#"{"id":""#.utf8), "byte"),
    ]

    @Test func areKeptWithTheirPlaceAndStopNothing() async throws {
        try await withShop { shop in
            func event(_ id: String) -> [UInt8] {
                let event = Event(id: id, session: "a", kind: .detail, timestamp: shop.time.now, sku: "x")
                return RecordCoder.encode(event, timeline: .live, received: shop.time.now)
            }
            let values = Self.poison.flatMap { [$0.value] } + [event("last")]
            try await shop.append([event("first")] + values, keys: Array(repeating: "s:a", count: values.count + 1))
            let model = try TestModels.first()
            try await shop.scoreEverything { $0 == nil ? model : nil }

            let position = try #require(try await shop.position())
            #expect(position.counters.rejected == Int64(Self.poison.count))
            #expect(position.counters.scored == 2)
            let kept = try await shop.data.log.rejected(from: 0, limit: 100)
            #expect(kept.map(\.location) == (1...Self.poison.count).map { Location(partition: 0, offset: Int64($0)) })
            for (record, poison) in zip(kept, Self.poison) {
                #expect(record.reason.contains(poison.reason), "\(record.reason)")
                #expect(record.bytes == poison.value)
                #expect(record.time == shop.time.now)
            }
            // Committed, so that another run neither folds nor keeps them again.
            try await shop.append([event("after")], keys: ["s:a"])
            try await shop.scoreEverything { $0 == nil ? model : nil }
            #expect(try await shop.data.log.rejectedCount() == Int64(Self.poison.count))
        }
    }

    @Test func areCutToWhatIsKept() {
        let megabyte = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        let record = RejectedRecord(
            time: 1, location: Location(partition: 3, offset: 7), reason: "too large", bytes: megabyte)
        #expect(record.bytes.count == RejectedRecord.maxBytes)
        #expect(record.location == Location(partition: 3, offset: 7))
    }

    @Test(arguments: ["collect", "events", "events/1", "events/x/2", "events/1/2/3", "history/1/2"])
    func inputThatNeverReachedTheLogHasNoPlace(source: String) {
        #expect(RejectedRecord(time: 1, source: source, reason: "r", bytes: []).location == nil)
    }
}
