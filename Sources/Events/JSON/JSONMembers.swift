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

    /// A member that must have been there. Inlined: generic code that is called from another module is slow.
    @inlinable
    package static func required<T>(_ value: T?, _ field: StaticString) throws(EventError) -> T {
        guard let value else { throw EventError(field: "\(field)", reason: "missing") }
        return value
    }
}

/// One member, valid while its body runs; its value is converted only where it is wanted. A conversion throws where
/// the value is of another kind, naming the field.
package struct JSONMember {
    /// The key's bytes; none where it is spelt with escapes, as no key of ours is.
    @usableFromInline let key: UnsafeBufferPointer<UInt8>
    private let scanner: JSONScanner
    private let name: FieldValue
    private let value: FieldValue

    fileprivate init(scanner: JSONScanner, name: FieldValue, value: FieldValue) {
        self.scanner = scanner
        self.name = name
        self.value = value
        let end = name.kind == .text ? Int(name.end) : Int(name.start)
        key = UnsafeBufferPointer(rebasing: scanner.bytes[Int(name.start)..<end])
    }

    /// Whether the member has this key. Inlined where it is asked: nearly always the lengths differ already.
    @inlinable
    package static func ~= (key: StaticString, member: JSONMember) -> Bool {
        guard key.utf8CodeUnitCount == member.key.count else { return false }
        for index in 0..<member.key.count where key.utf8Start[index] != member.key[index] { return false }
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

    package func integer() throws(EventError) -> Int64 {
        guard value.kind == .number, case .integer(let integer)? = Number(bytes) else {
            throw refused("must be a whole number")
        }
        return integer
    }

    package func integer() throws(EventError) -> Int { Int(try integer() as Int64) }

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
