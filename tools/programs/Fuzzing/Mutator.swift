/// Spoils valid input: bytes flipped, removed, inserted, doubled and moved, numbers made extreme, words of the target's
/// language put in, two inputs crossed, and the end cut off.
struct Mutator: Sendable {
    let seeds: [[UInt8]]
    let words: [[UInt8]]
    /// Longer inputs say nothing that shorter ones do not.
    static let maxBytes = 32_768
    private static let numbers: [[UInt8]] = [
        "0", "-0", "-1", "1", "255", "65536", "2147483648", "-2147483649", "4294967296", "9223372036854775807",
        "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "1e400",
        "1e-400", "0.1", "1e19", "NaN", "00",
    ].map { Array($0.utf8) }

    func input(_ random: inout FuzzRandom) -> [UInt8] {
        var bytes = random.one(of: seeds)
        // Now and then the seed itself, and now and then nothing but noise.
        switch random.below(64) {
        case 0: return bytes
        case 1: return (0..<random.below(64)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        default: break
        }
        let count = 1 + random.below(random.once(in: 8) ? 24 : 4)
        for _ in 0..<count { mutate(&bytes, &random) }
        if bytes.count > Self.maxBytes { bytes.removeSubrange(Self.maxBytes...) }
        return bytes
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout FuzzRandom) {
        let place = random.below(bytes.count + 1)
        let end = min(bytes.count, place + 1 + random.below(16))
        switch random.below(14) {
        case 0: bytes.removeSubrange(place...)
        case 1 where place < bytes.count: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 2 where place < bytes.count: bytes[place] ^= 1 << UInt8(random.below(8))
        case 3: bytes.removeSubrange(place..<end)
        case 4: bytes.insert(contentsOf: Array(bytes[place..<end]), at: random.below(bytes.count + 1))
        case 5 where !words.isEmpty: bytes.insert(contentsOf: random.one(of: words), at: place)
        case 6: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
        case 7: replaceNumber(&bytes, from: place, &random)
        case 8:
            let other = random.one(of: seeds)
            bytes.replaceSubrange(place..., with: other.suffix(random.below(other.count + 1)))
        case 9 where place + 4 <= bytes.count:
            let extreme = random.one(of: [
                0, 1, .max, 0x8000_0000, 0x7fff_ffff, UInt32(truncatingIfNeeded: random.next()),
            ])
            for byte in 0..<4 { bytes[place + byte] = UInt8(truncatingIfNeeded: extreme >> (8 * UInt32(byte))) }
        case 10 where place < bytes.count && bytes.count < 4_096:
            // One byte many times: nesting, runs, length limits.
            bytes.insert(contentsOf: repeatElement(bytes[place], count: 1 + random.below(400)), at: place)
        case 11 where place < bytes.count: bytes[place] &+= random.once(in: 2) ? 1 : 255
        case 12 where bytes.count > 1: bytes.swapAt(random.below(bytes.count), random.below(bytes.count))
        default: if !words.isEmpty { bytes.replaceSubrange(place..<end, with: random.one(of: words)) }
        }
    }

    private func replaceNumber(_ bytes: inout [UInt8], from place: Int, _ random: inout FuzzRandom) {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard let start = bytes[place...].firstIndex(where: { digits.contains($0) }) else { return }
        let end = bytes[start...].firstIndex { !digits.contains($0) } ?? bytes.count
        bytes.replaceSubrange(start..<end, with: random.one(of: Self.numbers))
    }
}

/// SplitMix64. An input is named by its target, a seed and a number.
struct FuzzRandom: Sendable {
    private var state: UInt64

    init(seed: UInt64, number: Int) { state = seed &* 0x2545_f491_4f6c_dd1d ^ UInt64(number) &* 0x9e37_79b9_7f4a_7c15 }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
    mutating func once(in count: Int) -> Bool { below(count) == 0 }
    mutating func one<Element>(of elements: [Element]) -> Element { elements[below(elements.count)] }
}
