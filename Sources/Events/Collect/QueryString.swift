/// A pixel's query string (`application/x-www-form-urlencoded`) decoded into names and values: `&` between pairs, `+`
/// for a space, `%` escapes. Broken escapes and bytes that are not UTF-8 spoil only the value they stand in.
struct QueryString {
    private(set) var bytes: [UInt8] = []
    private(set) var pairs: [(name: Range<Int>, value: FieldValue)] = []

    init(_ query: some Sequence<UInt8>) {
        let raw = Array(query)
        bytes.reserveCapacity(raw.count)
        for pair in raw.split(separator: UInt8(ascii: "&")) {
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            let nameStart = bytes.count
            guard decode(pair[..<equals]) else {
                bytes.removeSubrange(nameStart...)
                continue  // No name of ours holds an escape that is broken.
            }
            let valueStart = bytes.count
            let isWhole = decode(equals < pair.endIndex ? pair[(equals + 1)...] : [])
            let value = FieldValue(isWhole ? .form : .brokenForm, valueStart, bytes.count)
            pairs.append((nameStart..<valueStart, value))
        }
    }

    /// Appends the decoded bytes; false where an escape is broken.
    private mutating func decode(_ text: ArraySlice<UInt8>) -> Bool {
        var index = text.startIndex
        while index < text.endIndex {
            switch text[index] {
            case UInt8(ascii: "+"):
                bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard index + 2 < text.endIndex, let high = Hexadecimal.value(text[index + 1]),
                    let low = Hexadecimal.value(text[index + 2])
                else { return false }
                bytes.append(high << 4 | low)
                index += 2
            case let byte:
                bytes.append(byte)
            }
            index += 1
        }
        return true
    }
}
