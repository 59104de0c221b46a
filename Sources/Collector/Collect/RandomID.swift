/// Ids for events that come without one.
enum RandomID {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// 128 bits from the system's generator, 22 characters that need no escapes in JSON or a URL.
    static func make() -> String {
        var random = SystemRandomNumberGenerator()
        var bits = UInt128(random.next()) << 64 | UInt128(random.next())
        return String(unsafeUninitializedCapacity: 22) { characters in
            for index in 0..<22 {
                characters[index] = alphabet[Int(truncatingIfNeeded: bits & 63)]
                bits >>= 6
            }
            return 22
        }
    }
}
