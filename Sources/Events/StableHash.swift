/// FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv): the same on every machine and in every run, unlike
/// `Hasher`. Identifies products, pages, ids and muted keys in compact form. Zero stands for "absent" and is never
/// returned.
public enum StableHash {
    public static func of(_ text: String) -> UInt64 {
        var text = text
        return text.withUTF8 { of(bytes: $0) }
    }

    /// Of text that is given as its UTF-8.
    public static func of(bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        finish(add(bytes[...], to: offsetBasis))
    }

    /// The hash of the bytes and, had on the way, the one of their first `prefix`.
    package static func of(
        bytes: UnsafeBufferPointer<UInt8>, prefix: Int
    ) -> (prefix: UInt64, whole: UInt64) {
        let begun = add(bytes[..<prefix], to: offsetBasis)
        return (finish(begun), finish(add(bytes[prefix...], to: begun)))
    }

    private static func add(_ bytes: Slice<UnsafeBufferPointer<UInt8>>, to hash: UInt64) -> UInt64 {
        var hash = hash
        for byte in UnsafeBufferPointer(rebasing: bytes) { hash = (hash ^ UInt64(byte)) &* prime }
        return hash
    }

    /// FNV-1a alone mixes its high bits poorly; this is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
    private static func finish(_ hash: UInt64) -> UInt64 {
        var mixed = hash
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        mixed ^= mixed >> 31
        return mixed == 0 ? 1 : mixed
    }

    private static let offsetBasis: UInt64 = 0xcbf2_9ce4_8422_2325
    private static let prime: UInt64 = 0x0000_0100_0000_01b3
}
