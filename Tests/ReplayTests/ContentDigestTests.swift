import Replay
import Testing

struct ContentDigestTests {
    private func digest(_ pieces: [[UInt8]]) -> String {
        var digest = ContentDigest()
        for piece in pieces { piece.withUnsafeBytes { digest.update($0) } }
        return digest.description
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func howContentIsCutDoesNotMatter(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let bytes = (0..<Int.random(in: 0...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Int.random(in: 0...min(20, rest.count), using: &random)
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        #expect(digest(pieces) == digest([bytes]))
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func everyBitAndTheLengthCount(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let bytes = (0..<Int.random(in: 1...100, using: &random)).map { _ in UInt8.random(in: 0...1, using: &random) }
        var seen: Set<String> = [digest([bytes]), digest([bytes + [0]]), digest([Array(bytes.dropLast())])]
        #expect(seen.count == 3)
        for place in bytes.indices {
            for bit in 0..<8 {
                var other = bytes
                other[place] ^= 1 << UInt8(bit)
                seen.insert(digest([other]))
            }
        }
        #expect(seen.count == 3 + 8 * bytes.count)
    }

    /// Names of replays stand in logs: they must not change between versions. Computed once by other means.
    @Test func digestsStay() {
        #expect(digest([]) == "76f786f7a1a86007")
        #expect(digest([Array("session_id_hash".utf8)]) == "2bd33ddda3205940")
    }
}
