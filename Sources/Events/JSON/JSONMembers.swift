/// Reads one flat JSON object member by member: the way back from `JSONWriter`, as strict as `JSONScanner` and a tenth
/// of the cost of Foundation's decoder, for records that are read as often as events are.
package struct JSONMembers {
    private var scanner: JSONScanner
    private var isFirst = true

    /// Runs `body` over the members of the object that the bytes hold.
    ///
    /// - Throws: `EventError` where the bytes are not one JSON object, with its byte position, or what `body` throws.
    package static func read(
        _ bytes: [UInt8], _ body: (_ key: JSONKey, _ value: JSONMember) throws(EventError) -> Void
    ) throws(EventError) {
        try bytes.withUnsafeBufferPointer { buffer throws(EventError) in
            var members = JSONMembers(scanner: JSONScanner(buffer))
            members.scanner.skipWhitespace()
            try members.scanner.open(UInt8(ascii: "{"), depth: 0)
            while let key = try members.nextKey() {
                let value = try members.scanner.value(depth: 1)
                try body(JSONKey(members.scanner, key), JSONMember(scanner: members.scanner, value: value))
            }
            try members.scanner.end()
        }
    }

    private mutating func nextKey() throws(EventError) -> FieldValue? {
        defer { isFirst = false }
        return isFirst ? try scanner.firstKey() : try scanner.nextKey()
    }
}

/// A member's key, valid while its body runs.
package struct JSONKey {
    private let bytes: UnsafeBufferPointer<UInt8>

    /// A key with escapes is none of ours and equals nothing.
    fileprivate init(_ scanner: JSONScanner, _ key: FieldValue) {
        bytes =
            key.kind == .text
            ? UnsafeBufferPointer(rebasing: scanner.bytes[Int(key.start)..<Int(key.end)])
            : UnsafeBufferPointer(rebasing: scanner.bytes[..<0])
    }

    package static func ~= (name: StaticString, key: JSONKey) -> Bool {
        guard name.utf8CodeUnitCount == key.bytes.count else { return false }
        for index in 0..<key.bytes.count where name.utf8Start[index] != key.bytes[index] { return false }
        return true
    }
}

/// A member's value, valid while its body runs; converted only where it is wanted.
package struct JSONMember {
    fileprivate let scanner: JSONScanner
    fileprivate let value: FieldValue

    private var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: scanner.bytes[Int(value.start)..<Int(value.end)])
    }

    package func string(_ field: String) throws(EventError) -> String {
        switch value.kind {
        case .text: return String(decoding: bytes, as: UTF8.self)
        case .escapedText: return String(decoding: scanner.unescaped(value), as: UTF8.self)
        default: throw EventError(field: field, reason: "not a text", position: Int(value.start))
        }
    }

    package func integer(_ field: String) throws(EventError) -> Int64 {
        guard value.kind == .number, case .integer(let integer)? = Number(bytes) else {
            throw EventError(field: field, reason: "not a whole number", position: Int(value.start))
        }
        return integer
    }

    /// The nearest `Float`: what `JSONWriter` wrote comes back with the same bits. (By way of a `Double` it would be
    /// rounded twice.)
    package func float(_ field: String) throws(EventError) -> Float {
        guard value.kind == .number, let float = Float(String(decoding: bytes, as: UTF8.self)), float.isFinite else {
            throw EventError(field: field, reason: "not a number", position: Int(value.start))
        }
        return float
    }

    package func bool(_ field: String) throws(EventError) -> Bool {
        guard value.kind == .boolean else {
            throw EventError(field: field, reason: "neither true nor false", position: Int(value.start))
        }
        return bytes[0] == UInt8(ascii: "t")
    }
}
