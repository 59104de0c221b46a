/// Reads JSON text strictly as RFC 8259 has it, byte by byte, without building a tree: the events of a request are
/// walked once, values that are not wanted are checked and passed over.
///
/// Refused, each with its byte position: invalid UTF-8 (overlong forms and encoded surrogates included), unescaped
/// control characters, unknown escapes, lone surrogates, numbers outside the grammar, anything after the end, and
/// nesting deeper than `EventLimits.jsonDepth`.
///
/// Every read is bounds-checked: past the end `current` is 0, a byte that JSON has no use for outside text.
struct JSONScanner {
    let bytes: UnsafeBufferPointer<UInt8>
    /// The next byte to read.
    var at: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>, at: Int = 0) {
        self.bytes = bytes
        self.at = at
    }

    @inline(__always)
    var current: UInt8 { byte(at) }

    @inline(__always)
    func byte(_ index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }

    @inline(__always)
    mutating func skipWhitespace() {
        while true {
            switch current {
            case 0x20, 0x0A, 0x0D, 0x09: at += 1
            default: return
            }
        }
    }

    /// A byte order mark at the start of a body is passed over, as RFC 8259 allows.
    mutating func skipByteOrderMark() {
        if bytes.count - at >= 3, bytes[at] == 0xEF, bytes[at + 1] == 0xBB, bytes[at + 2] == 0xBF { at += 3 }
    }

    /// Only white space is left.
    mutating func end() throws(EventError) {
        skipWhitespace()
        guard at == bytes.count else { throw unexpected("nothing more") }
    }

    /// Reads the object that starts here and notes its recognised fields. `depth` is the number of containers around
    /// it.
    mutating func object(into draft: inout Draft, depth: Int) throws(EventError) {
        try open(UInt8(ascii: "{"), depth: depth)
        var key = try firstKey()
        while let name = key {
            let value = try value(depth: depth + 1)
            if name.kind == .text {
                draft.note(UnsafeBufferPointer(rebasing: bytes[Int(name.start)..<Int(name.end)]), value)
            } else {
                unescaped(name).withUnsafeBufferPointer { draft.note($0, value) }
            }
            key = try nextKey()
        }
    }

    /// Any value, checked whole. White space before it is skipped.
    mutating func value(depth: Int) throws(EventError) -> FieldValue {
        skipWhitespace()
        let start = at
        switch current {
        case UInt8(ascii: "\""):
            return try string()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return try number()
        case UInt8(ascii: "{"):
            try open(UInt8(ascii: "{"), depth: depth)
            var key = try firstKey()
            while key != nil {
                _ = try value(depth: depth + 1)
                key = try nextKey()
            }
            return FieldValue(.object, start, at)
        case UInt8(ascii: "["):
            try open(UInt8(ascii: "["), depth: depth)
            var more = try firstElement()
            while more {
                _ = try value(depth: depth + 1)
                more = try nextElement()
            }
            return FieldValue(.array, start, at)
        case UInt8(ascii: "t"):
            try literal("true")
            return FieldValue(.boolean, start, at)
        case UInt8(ascii: "f"):
            try literal("false")
            return FieldValue(.boolean, start, at)
        case UInt8(ascii: "n"):
            try literal("null")
            return FieldValue(.null, start, at)
        default:
            throw unexpected("a value")
        }
    }

    /// Steps into a container.
    @inline(__always)
    mutating func open(_ bracket: UInt8, depth: Int) throws(EventError) {
        guard current == bracket else { throw unexpected("an object") }
        guard depth < EventLimits.jsonDepth else {
            throw EventError(reason: "nested deeper than \(EventLimits.jsonDepth) levels", position: at)
        }
        at += 1
    }

    /// After `[`: is there an element? Steps over the `]` where there is none.
    mutating func firstElement() throws(EventError) -> Bool {
        skipWhitespace()
        guard current == UInt8(ascii: "]") else { return true }
        at += 1
        return false
    }

    /// After an element: is there another one? Steps over the comma or the `]`.
    mutating func nextElement() throws(EventError) -> Bool {
        skipWhitespace()
        switch current {
        case UInt8(ascii: ","):
            at += 1
            return true
        case UInt8(ascii: "]"):
            at += 1
            return false
        default:
            throw unexpected("`,` or `]`")
        }
    }

    /// After `{`: the first key and its colon; nil, past the `}`, where the object is empty.
    @inline(__always)
    mutating func firstKey() throws(EventError) -> FieldValue? {
        skipWhitespace()
        if current == UInt8(ascii: "}") {
            at += 1
            return nil
        }
        return try key()
    }

    /// After a member's value: the next key and its colon; nil, past the `}`, at the object's end.
    @inline(__always)
    mutating func nextKey() throws(EventError) -> FieldValue? {
        skipWhitespace()
        switch current {
        case UInt8(ascii: ","):
            at += 1
            skipWhitespace()
            return try key()
        case UInt8(ascii: "}"):
            at += 1
            return nil
        default:
            throw unexpected("`,` or `}`")
        }
    }

    @inline(__always)
    private mutating func key() throws(EventError) -> FieldValue {
        guard current == UInt8(ascii: "\"") else { throw unexpected("a key in double quotes") }
        let key = try string()
        skipWhitespace()
        guard current == UInt8(ascii: ":") else { throw unexpected("`:`") }
        at += 1
        return key
    }

    private mutating func literal(_ word: StaticString) throws(EventError) {
        for index in 0..<word.utf8CodeUnitCount {
            guard current == word.utf8Start[index] else { throw unexpected("`\(word)`") }
            at += 1
        }
    }

    @inline(never)
    func unexpected(_ wanted: String) -> EventError {
        guard at < bytes.count else {
            return EventError(reason: "not JSON: it ends where \(wanted) should stand", position: at)
        }
        return EventError(
            reason: "not JSON: \(Self.describe(bytes[at])) where \(wanted) should stand", position: at)
    }

    static func describe(_ byte: UInt8) -> String {
        if (0x21...0x7E).contains(byte) { return "`\(Character(UnicodeScalar(byte)))`" }
        return "byte 0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}
