/// Ways to spoil valid input: bytes flipped, removed, inserted, doubled, and the end cut off.
struct Mutation {
    /// What is inserted: the bytes that mean something to the reader under test, so that one mutation in two or three
    /// still reads.
    var alphabet: [UInt8]
    var words: [String] = []

    func apply(to input: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = input
        for _ in 0...random.below(3) {
            let place = random.below(bytes.count + 1)
            switch random.below(8) {
            case 0: bytes.removeSubrange(place...)
            case 1 where place < bytes.count: bytes[place] = UInt8(random.below(256))
            case 2 where place < bytes.count: bytes[place] ^= 1 << UInt8(random.below(8))
            case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(6)))
            case 4:
                let end = min(bytes.count, place + 1 + random.below(24))
                bytes.insert(contentsOf: Array(bytes[place..<end]), at: random.below(bytes.count + 1))
            case 5 where !words.isEmpty: bytes.insert(contentsOf: random.one(of: words).utf8, at: place)
            case 6: bytes.insert(UInt8(random.below(256)), at: place)
            default: bytes.insert(random.one(of: alphabet), at: place)
            }
        }
        return bytes
    }
}
