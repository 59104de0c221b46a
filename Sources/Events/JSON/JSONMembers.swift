/// Reads one flat JSON object member by member: the way back from `JSONWriter`, as strict as `JSONScanner` and a tenth
/// of the cost of Foundation's decoder, for records that are read as often as events are.
package enum JSONMembers {
    /// Runs `body` over the members of the object that the bytes hold, in their order.
    ///
    /// - Throws: `EventError` where the bytes are not one JSON object, with its byte position, or what `body` throws.
    package static func read(
        _ bytes: [UInt8], _ body: (JSONMember) throws(EventError) -> Void
    ) throws(EventError) {
        try bytes.withUnsafeBufferPointer { buffer throws(EventError) in
            var scanner = JSONScanner(buffer)
            scanner.skipWhitespace()
            try scanner.open(UInt8(ascii: "{"), depth: 0)
            var key = try scanner.firstKey()
            while let name = key {
                let value = try scanner.value(depth: 1)
                try body(JSONMember(scanner: scanner, name: name, value: value))
                key = try scanner.nextKey()
            }
            try scanner.end()
        }
    }

    /// A member that must have been there.
    package static func required<T>(_ value: T?, _ field: StaticString) throws(EventError) -> T {
        guard let value else { throw EventError(field: "\(field)", reason: "missing") }
        return value
    }
}

/// One member, valid while its body runs; its value is converted only where it is wanted. A conversion throws where
/// the value is of another kind, naming the field.
package struct JSONMember {
    fileprivate let scanner: JSONScanner
    fileprivate let name: FieldValue
    fileprivate let value: FieldValue

    /// Whether the member has this key. One that is spelt with escapes is none of ours.
    @inline(__always)
    package static func ~= (key: StaticString, member: JSONMember) -> Bool {
        guard key.utf8CodeUnitCount == member.name.count, member.name.kind == .text else { return false }
        for index in 0..<member.name.count
        where key.utf8Start[index] != member.scanner.bytes[Int(member.name.start) + index] {
            return false
        }
        return true
    }

    private var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: scanner.bytes[Int(value.start)..<Int(value.end)])
    }

    package func string() throws(EventError) -> String {
        switch value.kind {
        case .text: return String(decoding: bytes, as: UTF8.self)
        case .escapedText: return String(decoding: scanner.unescaped(value), as: UTF8.self)
        default: throw refused("must be text")
        }
    }

    package func integer<T: FixedWidthInteger>(_: T.Type = T.self) throws(EventError) -> T {
        guard value.kind == .number, case .integer(let integer)? = Number(bytes), let result = T(exactly: integer)
        else {
            throw refused("must be a whole number")
        }
        return result
    }

    /// The nearest `Float`: what `JSONWriter` wrote comes back with the same bits. (By way of a `Double` it would be
    /// rounded twice.)
    package func float() throws(EventError) -> Float {
        guard value.kind == .number, let float = Float(String(decoding: bytes, as: UTF8.self)), float.isFinite else {
            throw refused("must be a number")
        }
        return float
    }

    package func bool() throws(EventError) -> Bool {
        guard value.kind == .boolean else { throw refused("must be true or false") }
        return bytes[0] == UInt8(ascii: "t")
    }

    private func refused(_ reason: String) -> EventError {
        EventError(
            field: String(decoding: scanner.bytes[Int(name.start)..<Int(name.end)], as: UTF8.self), reason: reason,
            position: Int(value.start))
    }
}
