/// Finds bytes eight at a time. The masks have the high bit of every matching byte set; bits above the lowest match may
/// be false (borrows run upwards), so only the lowest one counts. After "Determine if a word has a byte equal to n" and
/// "… less than n", Bit Twiddling Hacks (Anderson).
package enum ByteSearch {
    @inline(__always)
    static func word(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> UInt64 {
        UInt64(littleEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    @inline(__always)
    static func repeating(_ byte: UInt8) -> UInt64 { 0x0101_0101_0101_0101 &* UInt64(byte) }

    /// Bytes of `word` that equal `byte`.
    @inline(__always)
    static func equal(_ word: UInt64, _ byte: UInt8) -> UInt64 {
        let difference = word ^ repeating(byte)
        return (difference &- repeating(1)) & ~difference & repeating(0x80)
    }

    /// Bytes of `word` that are less than `bound`, which is at most 128.
    @inline(__always)
    static func less(_ word: UInt64, _ bound: UInt8) -> UInt64 {
        (word &- repeating(bound)) & ~word & repeating(0x80)
    }

    /// The first index from `start` on that holds `one` or `other`; `bytes.count` where none does.
    @inline(__always)
    package static func first(_ one: UInt8, or other: UInt8, in bytes: UnsafeBufferPointer<UInt8>, from start: Int)
        -> Int
    {
        var index = start
        while index + 8 <= bytes.count {
            let word = word(bytes, at: index)
            let found = equal(word, one) | equal(word, other)
            if found != 0 { return index + found.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < bytes.count, bytes[index] != one, bytes[index] != other { index += 1 }
        return index
    }
}
