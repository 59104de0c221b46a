/// Text of JSON: UTF-8 validated while it is passed over, escapes checked, and undone only where the text is wanted.
extension JSONScanner {
    /// The text that starts at this quote. Steps past its closing quote.
    mutating func string() throws(EventError) -> FieldValue {
        let start = at + 1
        var index = start
        var kind = FieldValue.Kind.text
        while true {
            while index + 8 <= bytes.count {
                let word = ByteSearch.word(bytes, at: index)
                let special =
                    ByteSearch.equal(word, UInt8(ascii: "\"")) | ByteSearch.equal(word, UInt8(ascii: "\\"))
                    | ByteSearch.less(word, 0x20) | (word & ByteSearch.repeating(0x80))
                guard special == 0 else {
                    index += special.trailingZeroBitCount / 8
                    break
                }
                index += 8
            }
            at = index
            guard index < bytes.count else { throw unexpected("the closing quote of a text") }
            switch bytes[index] {
            case UInt8(ascii: "\""):
                at = index + 1
                return FieldValue(kind, start, index)
            case UInt8(ascii: "\\"):
                kind = .escapedText
                index += try escapeLength(at: index)
            case 0..<0x20:
                throw EventError(reason: "not JSON: a control character in a text must be escaped", position: index)
            case 0x80...:
                let length = UTF8Sequence.length(bytes, at: index)
                guard length > 0 else { throw EventError(reason: "not valid UTF-8", position: index) }
                index += length
            default:
                index += 1
            }
        }
    }

    /// The bytes of a text or key with its escapes undone; the scanner has checked them.
    func unescaped(_ value: FieldValue) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(value.count)
        var index = Int(value.start)
        while index < Int(value.end) {
            let byte = bytes[index]
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                index += 1
                continue
            }
            switch bytes[index + 1] {
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "u"):
                guard let first = hexadecimal(at: index + 2) else {
                    preconditionFailure("JSONScanner.unescaped: an escape that was not checked")
                }
                var scalar = UInt32(first)
                if (0xD800...0xDBFF).contains(first), let second = hexadecimal(at: index + 8) {
                    scalar = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
                    index += 6
                }
                guard let scalar = UnicodeScalar(scalar) else {
                    preconditionFailure("JSONScanner.unescaped: a surrogate that was not checked")
                }
                result.append(contentsOf: UTF8.encode(scalar)!)  // Every Unicode scalar has an encoding in UTF-8.
                index += 4
            default: result.append(bytes[index + 1])
            }
            index += 2
        }
        return result
    }

    /// How many bytes the escape at this backslash has; a surrogate pair counts as one escape.
    private func escapeLength(at index: Int) throws(EventError) -> Int {
        switch byte(index + 1) {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return 2
        case UInt8(ascii: "u"):
            guard let first = hexadecimal(at: index + 2) else {
                throw EventError(reason: "not JSON: `\\u` without four hexadecimal digits", position: index)
            }
            guard (0xD800...0xDFFF).contains(first) else { return 6 }
            guard first < 0xDC00, byte(index + 6) == UInt8(ascii: "\\"), byte(index + 7) == UInt8(ascii: "u"),
                let second = hexadecimal(at: index + 8), (0xDC00...0xDFFF).contains(second)
            else { throw EventError(reason: "not Unicode: a surrogate without its other half", position: index) }
            return 12
        default:
            throw EventError(reason: "not JSON: an unknown escape", position: index)
        }
    }

    private func hexadecimal(at index: Int) -> UInt16? {
        var value: UInt16 = 0
        for place in index..<index + 4 {
            guard let digit = Hexadecimal.value(byte(place)) else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}

enum Hexadecimal {
    static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

enum UTF8Sequence {
    /// How many bytes the well-formed multi-byte sequence here has; 0 where it is ill-formed (The Unicode Standard,
    /// table 3-7).
    static func length(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> Int {
        func isContinuation(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
            index + offset < bytes.count && range.contains(bytes[index + offset])
        }
        switch bytes[index] {
        case 0xC2...0xDF:
            return isContinuation(1) ? 2 : 0
        case 0xE0:
            return isContinuation(1, 0xA0...0xBF) && isContinuation(2) ? 3 : 0
        case 0xED:
            return isContinuation(1, 0x80...0x9F) && isContinuation(2) ? 3 : 0
        case 0xE1...0xEF:
            return isContinuation(1) && isContinuation(2) ? 3 : 0
        case 0xF0:
            return isContinuation(1, 0x90...0xBF) && isContinuation(2) && isContinuation(3) ? 4 : 0
        case 0xF1...0xF3:
            return isContinuation(1) && isContinuation(2) && isContinuation(3) ? 4 : 0
        case 0xF4:
            return isContinuation(1, 0x80...0x8F) && isContinuation(2) && isContinuation(3) ? 4 : 0
        default:
            return 0
        }
    }
}
