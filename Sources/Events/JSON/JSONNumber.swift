/// Numbers of JSON, by the grammar: `-? (0 | [1-9][0-9]*) (\.[0-9]+)? ([eE][+-]?[0-9]+)?`.
extension JSONScanner {
    /// The number that starts here; its value is read only where it is wanted.
    mutating func number() throws(EventError) -> FieldValue {
        let start = at
        if current == UInt8(ascii: "-") { at += 1 }
        if current == UInt8(ascii: "0") {
            at += 1
            if isDigit { throw unexpected("the end of a number that starts with 0") }
        } else {
            try digits()
        }
        if current == UInt8(ascii: ".") {
            at += 1
            try digits()
        }
        if current | 0x20 == UInt8(ascii: "e") {
            at += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { at += 1 }
            try digits()
        }
        return FieldValue(.number, start, at)
    }

    private var isDigit: Bool { current &- UInt8(ascii: "0") <= 9 }

    @inline(__always)
    private mutating func digits() throws(EventError) {
        guard isDigit else { throw unexpected("a digit") }
        repeat { at += 1 } while isDigit
    }
}

/// What the checked digits of a number stand for.
enum Number {
    case integer(Int64)
    /// Not an integer literal, or one beyond `Int64`. Always finite.
    case real(Double)

    /// Reads bytes that match the grammar; nil where their value is beyond what a `Double` holds.
    init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        if let integer = Self.integer(bytes) {
            self = .integer(integer)
        } else if let real = Self.shortDecimal(bytes) {
            self = .real(real)
        } else if let real = Double(String(decoding: bytes, as: UTF8.self)), real.isFinite {
            self = .real(real)
        } else {
            return nil
        }
    }

    var double: Double {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value): value
        }
    }

    private static func integer(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        let isNegative = bytes[0] == UInt8(ascii: "-")
        let first = isNegative ? 1 : 0
        guard bytes.count - first <= 18 else { return nil }
        var value: Int64 = 0
        for index in first..<bytes.count {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value &* 10 &+ Int64(digit)
        }
        return isNegative ? -value : value
    }

    /// Prices and the like: at most 15 digits with a point among them. Both the digits and the power of ten are exact
    /// doubles then, so one division rounds correctly (Clinger, "How to Read Floating Point Numbers Accurately").
    private static func shortDecimal(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        guard bytes.count <= 16, bytes[0] != UInt8(ascii: "-") else { return nil }
        var digits: Int64 = 0
        var point: Int?
        for index in 0..<bytes.count {
            if bytes[index] == UInt8(ascii: ".") {
                point = index
                continue
            }
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            digits = digits * 10 + Int64(digit)
        }
        guard let point else { return nil }
        var power = 1.0
        for _ in point + 1..<bytes.count { power *= 10 }
        return Double(digits) / power
    }
}
