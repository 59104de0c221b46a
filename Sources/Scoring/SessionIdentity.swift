/// Which session: the partition and the offset of its first record. `PARTITION:FIRSTOFFSET` in JSON and URLs.
public struct SessionIdentity: Sendable, Hashable, CustomStringConvertible {
    public var partition: Int
    public var firstOffset: Int64

    public init(partition: Int, firstOffset: Int64) {
        self.partition = partition
        self.firstOffset = firstOffset
    }

    /// `nil` where the text is no identity as `description` writes it.
    public init?(_ text: some StringProtocol) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")),
            let partition = Self.number(text.utf8[..<colon]),
            let firstOffset = Self.number(text.utf8[text.utf8.index(after: colon)...])
        else { return nil }
        self.init(partition: Int(partition), firstOffset: firstOffset)
    }

    public var description: String { String(partition) + ":" + String(firstOffset) }

    /// Digits alone: a sign or a leading zero would give one session two names.
    private static func number(_ digits: some Collection<UInt8>) -> Int64? {
        guard (1...18).contains(digits.count), digits.count == 1 || digits.first != UInt8(ascii: "0") else {
            return nil
        }
        var value: Int64 = 0
        for byte in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        return value
    }
}
