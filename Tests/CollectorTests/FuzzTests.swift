import Collector
import EventLog
import HTTPTypes
import Testing

/// Whatever is sent: the collector answers, and what it says is what is on the log.
@Suite struct FuzzTests {
    @Test(arguments: Array(1...12) as [UInt64])
    func repliesAndLogAgree(seed: UInt64) async throws {
        try await Shop.open(CollectorSettings(maxBodyBytes: 4_000, maxInflatedBytes: 4_000, maxEvents: 20)) {
            shop async throws in
            var random = SeededRandom(seed: seed)
            var stored = 0
            for _ in 0..<150 {
                let isGzip = Int.random(in: 0..<4, using: &random) == 0
                var body = Self.body(&random)
                if isGzip { body = gzipped(body) }
                Self.damage(&body, &random)
                let reply = try await shop.post(body, headers: isGzip ? [.contentEncoding: "gzip"] : [:])
                switch reply.status {
                case 200:
                    let tally = try Tally(reply)
                    #expect(tally.stored + tally.duplicate + tally.rejected == tally.events.count)
                    #expect(tally.retry == 0)
                    let offsets = tally.events.compactMap(\.offset)
                    #expect(offsets == (0..<tally.stored).map { Int64(stored + $0) })
                    stored += tally.stored
                case 400, 413: break
                default: Issue.record("an unexpected reply: \(reply.text)")
                }
                #expect(try await shop.log.bounds(partition: 0).upperBound == Int64(stored))
            }
            #expect(stored > 0)
        }
    }

    private static func body(_ random: inout SeededRandom) -> [UInt8] {
        let events = (0..<Int.random(in: 0..<25, using: &random)).map { _ in event(&random) }
        let text =
            switch Int.random(in: 0..<4, using: &random) {
            case 0: events.first ?? ""
            case 1: "[" + events.joined(separator: ",") + "]"
            case 2: #"{"sentAt":1750000000000,"events":["# + events.joined(separator: ", ") + "]}"
            default: events.joined(separator: "\n")
            }
        return Array(text.utf8)
    }

    private static func event(_ random: inout SeededRandom) -> String {
        let id = Int.random(in: 0..<200, using: &random)
        return [
            #"{"id":"\#(id)","session":"s","type":"add","sku":"p"}"#,
            #"{"session":"s","type":"search","query":"kayak"}"#,
            #"{"pa":"add","cid":"v","z":"\#(id)","pr1id":"p","pr2id":"q"}"#,
            #"{"id":"\#(id)","type":"add"}"#,
            "17",
        ].randomElement(using: &random) ?? ""
    }

    /// Cuts, flips or doubles, one time in two.
    private static func damage(_ body: inout [UInt8], _ random: inout SeededRandom) {
        guard !body.isEmpty else { return }
        let place = Int.random(in: 0..<body.count, using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0: body.removeLast(body.count - place)
        case 1: body[place] ^= UInt8.random(in: 1...255, using: &random)
        case 2: body.insert(contentsOf: body[place...], at: place)
        case 3: body.remove(at: place)
        default: break
        }
    }
}
