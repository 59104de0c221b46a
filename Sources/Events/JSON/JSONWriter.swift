/// Writes one flat JSON object, member by member.
package struct JSONWriter {
    private var bytes: [UInt8]

    package init(reserving capacity: Int = 256) {
        bytes = []
        bytes.reserveCapacity(capacity)
        bytes.append(UInt8(ascii: "{"))
    }

    package mutating func member(_ key: StaticString, _ value: String) {
        begin(key)
        text(value)
    }

    package mutating func member(_ key: StaticString, _ value: some FixedWidthInteger) {
        begin(key)
        bytes.append(contentsOf: value.description.utf8)
    }

    /// The shortest digits that read back as the same number, which must be finite.
    package mutating func member(_ key: StaticString, _ value: Double) {
        precondition(value.isFinite, "JSONWriter.member: JSON has no word for infinity")
        begin(key)
        bytes.append(contentsOf: value.description.utf8)
    }

    /// As for `Double`.
    package mutating func member(_ key: StaticString, _ value: Float) {
        precondition(value.isFinite, "JSONWriter.member: JSON has no word for infinity")
        begin(key)
        bytes.append(contentsOf: value.description.utf8)
    }

    package mutating func member(_ key: StaticString, _ value: Bool) {
        begin(key)
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// Closes the object.
    package consuming func finish() -> [UInt8] {
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// Keys are ours and need no escapes.
    private mutating func begin(_ key: StaticString) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func text(_ value: String) {
        bytes.append(UInt8(ascii: "\""))
        var value = value
        value.withUTF8 { text in
            var start = 0
            for index in 0..<text.count where Self.needsEscape(text[index]) {
                bytes.append(contentsOf: text[start..<index])
                escape(text[index])
                start = index + 1
            }
            bytes.append(contentsOf: text[start...])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    @inline(__always)
    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func escape(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        default:
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(contentsOf: (byte < 16 ? "0" : "").utf8)
            bytes.append(contentsOf: String(byte, radix: 16).utf8)
        }
    }
}
