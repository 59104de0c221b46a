/// A digest of bytes that come in pieces: the same content gives the same digest however it was cut, on every machine.
/// Tells files apart that differ by accident; nobody is kept from making two that agree.
///
/// Eight bytes a step: xor, multiply by an odd constant, fold the high half down. Every step can be undone, so files
/// of one length that differ in a single word never agree. The length goes in last, then SplitMix64's finaliser.
package struct ContentDigest {
    private var hash: UInt64 = 0x9e37_79b9_7f4a_7c15
    private var length: UInt64 = 0
    /// The bytes since the last whole word, the first one lowest.
    private var partial: UInt64 = 0

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var index = 0
        while index < bytes.count, length % 8 != 0 {
            add(bytes[index])
            index += 1
        }
        while index + 8 <= bytes.count {
            mix(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
            index += 8
            length += 8
        }
        while index < bytes.count {
            add(bytes[index])
            index += 1
        }
    }

    /// 16 hexadecimal digits.
    package var description: String {
        var last = self
        if length % 8 != 0 { last.mix(partial) }
        last.mix(length)
        var mixed = last.hash
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        mixed ^= mixed >> 31
        let digits = String(mixed, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    @inline(__always)
    private mutating func mix(_ word: UInt64) {
        hash = (hash ^ word) &* 0x0000_0100_0000_01b3
        hash ^= hash >> 32
    }

    private mutating func add(_ byte: UInt8) {
        partial |= UInt64(byte) << (8 * (length % 8))
        length += 1
        if length % 8 == 0 {
            mix(partial)
            partial = 0
        }
    }
}
