/// How deep a YAML file nests, told from its bytes before they are parsed.
///
/// Yams compares keys whole, and a key may be a list of lists: its time is the file's size, times what its aliases make
/// of it, times the depth of its keys. Settings need none of the three. What is counted may stand in a comment or in
/// quotation marks: the limits leave room for that.
struct YAMLShape {
    /// Stars before a letter.
    private(set) var aliases = 0
    /// Brackets open at a time.
    private(set) var depth = 0
    /// Question marks that begin a key.
    private(set) var explicitKeys = 0

    /// Eight make 18 of one at most: by threes.
    private static let maxAliases = 8
    private static let maxDepth = 8
    private static let maxExplicitKeys = 2

    init(_ bytes: [UInt8]) {
        var open = 0
        var before = UInt8(ascii: "\n")
        for (index, byte) in bytes.enumerated() {
            let after = index + 1 < bytes.count ? bytes[index + 1] : UInt8(ascii: "\n")
            switch byte {
            case UInt8(ascii: "*") where Self.isWord(after): aliases += 1
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                open += 1
                depth = max(depth, open)
            case UInt8(ascii: "]"), UInt8(ascii: "}"): open = max(0, open - 1)
            case UInt8(ascii: "?") where Self.isBlank(after) && !Self.isWord(before): explicitKeys += 1
            default: break
            }
            before = byte
        }
    }

    /// What there is too much of.
    var excess: String? {
        if aliases > Self.maxAliases { return "has more than \(Self.maxAliases) aliases (*name): write the values out" }
        if depth > Self.maxDepth { return "nests brackets deeper than \(Self.maxDepth): no setting needs that" }
        if explicitKeys > Self.maxExplicitKeys {
            return "has more than \(Self.maxExplicitKeys) explicit keys (? key): write them as key: value"
        }
        return nil
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// Or the first byte of a line separator beyond ASCII.
    private static func isBlank(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0a, 0x0d, 0xc2, 0xe2].contains(byte) }
}
