/// Turns noted values into checked ones: the one place where bounds, types and absence are decided, for JSON, query
/// strings and CSV alike. Absent, `null` and empty text are the same: not given.
struct FieldReader {
    let bytes: UnsafeBufferPointer<UInt8>
    /// Whether a number may stand where text is wanted and the other way round: the rule for Measurement Protocol
    /// keys, whose values are all text by origin.
    var takesTextForNumbers = false

    /// Text of at most `maxBytes` bytes of UTF-8. Control characters are refused unless `allowsControls`: none of our
    /// ids has a use for them, and they multiply by six when a record is written.
    @inline(__always)
    func text(
        _ value: FieldValue, _ field: @autoclosure () -> String, maxBytes: Int, allowsControls: Bool = false
    ) throws(EventError) -> String? {
        switch value.kind {
        case .absent, .null: return nil
        case .text:
            guard value.count > 0 else { return nil }
            guard value.count <= maxBytes else { throw tooLong(field(), value.count, maxBytes) }
            return String(decoding: slice(value), as: UTF8.self)
        default:
            return try unusualText(value, field(), maxBytes: maxBytes, allowsControls: allowsControls)
        }
    }

    /// Text that has to be unescaped, or that is not known to be UTF-8.
    @inline(never)
    private func unusualText(
        _ value: FieldValue, _ field: String, maxBytes: Int, allowsControls: Bool
    ) throws(EventError) -> String? {
        let content: [UInt8]
        switch value.kind {
        case .escapedText: content = JSONScanner(bytes).unescaped(value)
        case .form: content = Array(slice(value))
        case .quotedForm: content = CSVFields.unquoted(slice(value))
        case .number where takesTextForNumbers && slice(value).allSatisfy(Self.isDigit): content = Array(slice(value))
        case .brokenForm: throw EventError(field: field, reason: "`%` must be followed by two hexadecimal digits")
        default: throw EventError(field: field, reason: "must be text")
        }
        guard !content.isEmpty else { return nil }
        guard content.count <= maxBytes else { throw tooLong(field, content.count, maxBytes) }
        guard let text = String(validating: content, as: UTF8.self) else {
            throw EventError(field: field, reason: "not valid UTF-8")
        }
        guard allowsControls || !content.contains(where: { $0 < 0x20 }) else {
            throw EventError(field: field, reason: "must not hold control characters")
        }
        return text
    }

    /// A number by JSON's grammar.
    func number(_ value: FieldValue, _ field: @autoclosure () -> String) throws(EventError) -> Number? {
        let digits: UnsafeBufferPointer<UInt8>
        switch value.kind {
        case .absent, .null: return nil
        case .number: digits = slice(value)
        case .form where value.count == 0: return nil
        case .text where takesTextForNumbers && value.count == 0: return nil
        case .form, .quotedForm: digits = try checkedNumber(value, field())
        case .text where takesTextForNumbers: digits = try checkedNumber(value, field())
        default: throw EventError(field: field(), reason: "must be a number")
        }
        guard let number = Number(digits) else {
            throw EventError(field: field(), reason: "a number too large to hold")
        }
        return number
    }

    /// A price within `EventLimits.price`.
    func price(_ value: FieldValue, _ field: @autoclosure () -> String) throws(EventError) -> Double? {
        guard let price = try number(value, field())?.double else { return nil }
        guard EventLimits.price.contains(price) else {
            throw EventError(field: field(), reason: "must lie between 0 and 1,000,000,000,000")
        }
        return price
    }

    /// A whole number within `EventLimits.quantity`; `2.0` counts as whole.
    func quantity(_ value: FieldValue, _ field: @autoclosure () -> String) throws(EventError) -> Int? {
        guard let number = try number(value, field()) else { return nil }
        guard let quantity = Int(exactly: number.double), EventLimits.quantity.contains(quantity) else {
            throw EventError(field: field(), reason: "must be a whole number between 1 and 1,000,000")
        }
        return quantity
    }

    /// Milliseconds since the epoch, not before `EventLimits.earliestTimestamp`; fractions of a millisecond are
    /// dropped, times beyond `Int64` held at its end.
    func time(_ value: FieldValue, _ field: @autoclosure () -> String) throws(EventError) -> Int64? {
        guard let number = try number(value, field()) else { return nil }
        let time: Int64
        switch number {
        case .integer(let value): time = value
        case .real(let value): time = Int64(exactly: value.rounded(.down)) ?? (value < 0 ? .min : .max)
        }
        guard time >= EventLimits.earliestTimestamp else { throw tooEarly(time, field()) }
        return time
    }

    /// `true` or `false`; what is not given is false. In a form also `1` and `0`.
    func flag(_ value: FieldValue, _ field: @autoclosure () -> String) throws(EventError) -> Bool {
        switch value.kind {
        case .absent, .null: return false
        case .boolean: return bytes[Int(value.start)] == UInt8(ascii: "t")
        case .form:
            switch String(decoding: slice(value), as: UTF8.self) {
            case "true", "1": return true
            case "false", "0", "": return false
            default: break
            }
        default: break
        }
        throw EventError(field: field(), reason: "must be true or false")
    }

    func kind(_ value: FieldValue, _ field: @autoclosure () -> String) throws(EventError) -> EventKind? {
        guard value.isGiven else { return nil }
        if value.kind == .text || value.kind == .form, let kind = EventKind(slice(value)) { return kind }
        guard let word = try text(value, field(), maxBytes: 32) else { return nil }
        return try kind(word, field())
    }

    private func kind(_ word: String, _ field: String) throws(EventError) -> EventKind {
        guard let kind = EventKind.allCases.first(where: { $0.name == word }) else {
            let known = EventKind.allCases.map(\.name).joined(separator: ", ")
            throw EventError(field: field, reason: "unknown `\(word)`; known are \(known)")
        }
        return kind
    }

    @inline(__always)
    func slice(_ value: FieldValue) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: bytes[Int(value.start)..<Int(value.end)])
    }

    private func checkedNumber(
        _ value: FieldValue, _ field: String
    ) throws(EventError) -> UnsafeBufferPointer<UInt8> {
        let digits = slice(value)
        var scanner = JSONScanner(digits)
        do {
            _ = try scanner.number()
            guard scanner.at == digits.count else { throw scanner.unexpected("the number's end") }
        } catch {
            throw EventError(field: field, reason: "must be a number")
        }
        return digits
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") <= 9 }

    private func tooLong(_ field: String, _ count: Int, _ maxBytes: Int) -> EventError {
        EventError(field: field, reason: "\(count) bytes, more than the \(maxBytes) allowed")
    }

    private func tooEarly(_ time: Int64, _ field: String) -> EventError {
        if time < 0 { return EventError(field: field, reason: "must not be negative") }
        let seconds = EventLimits.earliestTimestamp / 1_000...EventLimits.latestTimestamp / 1_000
        if seconds.contains(time) {
            return EventError(field: field, reason: "looks like seconds; milliseconds since 1970 are wanted")
        }
        return EventError(field: field, reason: "before 1990; milliseconds since 1970 are wanted")
    }
}

extension EventKind {
    /// The kind whose name these bytes are.
    init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        func isWord(_ word: StaticString) -> Bool {
            guard bytes.count == word.utf8CodeUnitCount else { return false }
            for index in 0..<bytes.count where bytes[index] != word.utf8Start[index] { return false }
            return true
        }
        if isWord("pageview") {
            self = .pageview
        } else if isWord("detail") {
            self = .detail
        } else if isWord("add") {
            self = .add
        } else if isWord("remove") {
            self = .remove
        } else if isWord("purchase") {
            self = .purchase
        } else if isWord("search") {
            self = .search
        } else if isWord("click") {
            self = .click
        } else {
            return nil
        }
    }
}
