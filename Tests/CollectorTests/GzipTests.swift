import Collector
import EventLog
import HTTPTypes
import Testing

@Suite struct GzipTests {
    private let event = #"{"id":"a","session":"s","type":"add"}"#

    @Test(arguments: ["gzip", "GZIP", "x-gzip"])
    func aGzipBodyIsInflated(encoding: String) async throws {
        try await Shop.open { shop async throws in
            let reply = try await shop.post(gzipped(event.utf8), headers: [.contentEncoding: encoding])
            #expect(try Tally(reply).stored == 1)
            #expect(try await shop.records().count == 1)
        }
    }

    @Test func severalMembersAreOneBody() async throws {
        try await Shop.open { shop async throws in
            let body =
                gzipped((event + "\n").utf8) + gzipped("".utf8) + gzipped(#"{"id":"b","session":"s","#.utf8)
                + gzipped(#""type":"add"}"#.utf8)
            #expect(try Tally(try await shop.post(body, headers: [.contentEncoding: "gzip"])).stored == 2)
        }
    }

    /// Larger than any buffer on the way, and not compressible by much.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func aLargeBodyComesOutAsItWentIn(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let events = (0..<5_000).map { number in
            #"{"id":"\#(number)","session":"s","type":"add","sku":"\#(random.next())-\#(random.next())"}"#
        }
        let body = Array(events.joined(separator: "\n").utf8)
        try await Shop.open { shop async throws in
            let tally = try Tally(try await shop.post(gzipped(body), headers: [.contentEncoding: "gzip"]))
            #expect(tally.stored == 5_000)
            #expect(try await shop.records().count == 5_000)
        }
    }

    /// A body of 100 kB that would inflate to a hundred megabytes.
    @Test func aBombIsRefusedAtTheLimit() async throws {
        let bomb = gzipped([UInt8](repeating: UInt8(ascii: " "), count: 100_000_000))
        #expect(bomb.count < 110_000)
        // Had it inflated any further, it would not fit what the request may hold.
        let settings = CollectorSettings(
            maxBodyBytes: 200_000, maxInflatedBytes: 200_000, maxHeldBytes: 800_000)
        try await Shop.open(settings) { shop async throws in
            for _ in 0..<20 {
                #expect(
                    try await shop.post(bomb, headers: [.contentEncoding: "gzip"]).text
                        == #"413 {"error":"the body inflates to more than the 200000 bytes allowed; send it in several"}"#
                )
            }
            #expect(try await shop.post(event).status == 200)
        }
    }

    @Test func theInflatedLimitIsExact() async throws {
        try await Shop.open(CollectorSettings(maxInflatedBytes: 70_000)) { shop async throws in
            func body(_ count: Int) -> [UInt8] {
                gzipped((event + String(repeating: " ", count: count - event.utf8.count)).utf8)
            }
            #expect(try await shop.post(body(70_000), headers: [.contentEncoding: "gzip"]).status == 200)
            #expect(try await shop.post(body(70_001), headers: [.contentEncoding: "gzip"]).status == 413)
        }
    }

    @Test func everyTruncationIsRefused() async throws {
        let whole = gzipped(event.utf8)
        try await Shop.open { shop async throws in
            for count in 1..<whole.count {
                #expect(
                    try await shop.post(Array(whole.prefix(count)), headers: [.contentEncoding: "gzip"]).text
                        == #"400 {"error":"the gzip body ends too early (at byte \#(count))"}"#)
            }
            #expect(try await shop.records() == [])
            #expect(
                try await shop.log.rejected(from: 0, limit: 1_000).map(\.bytes)
                    == (1..<whole.count).map { Array(whole.prefix($0)) })
        }
    }

    @Test func whatIsNotGzipIsRefused() async throws {
        let whole = gzipped(event.utf8)
        // The checksum stands in the last eight bytes.
        let flipped: [UInt8] = whole.dropLast(6) + [whole[whole.count - 6] ^ 1] + whole.suffix(5)
        try await Shop.open { shop async throws in
            for body in [Array(event.utf8), whole + [1, 2, 3], flipped] as [[UInt8]] {
                let reply = try await shop.post(body, headers: [.contentEncoding: "gzip"])
                #expect(reply.status == 400)
                #expect(reply.body.contains("the body is not gzip as its Content-Encoding says (at byte "))
            }
            #expect(try await shop.records() == [])
            #expect(try await shop.post([], headers: [.contentEncoding: "gzip"]).status == 400)
        }
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
