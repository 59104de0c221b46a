/// The fields of one CSV record (RFC 4180).
struct CSVFields {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var at = 0
    private var isDone = false

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    /// The next field; nil after the last one. Throws where text follows a closing quote, or a quote never closes.
    mutating func next() throws(EventError) -> FieldValue? {
        guard !isDone else { return nil }
        if at < bytes.count, bytes[at] == UInt8(ascii: "\"") { return try quoted() }
        let start = at
        let end = ByteSearch.first(UInt8(ascii: ","), or: UInt8(ascii: ","), in: bytes, from: start)
        step(past: end)
        return FieldValue(.form, start, end)
    }

    private mutating func quoted() throws(EventError) -> FieldValue {
        let quote = UInt8(ascii: "\"")
        let start = at + 1
        var kind = FieldValue.Kind.form
        var index = start
        while true {
            index = ByteSearch.first(quote, or: quote, in: bytes, from: index)
            guard index < bytes.count else { throw EventError(reason: "a quote is never closed", position: start - 1) }
            guard index + 1 < bytes.count, bytes[index + 1] == quote else { break }
            kind = .quotedForm
            index += 2
        }
        guard index + 1 == bytes.count || bytes[index + 1] == UInt8(ascii: ",") else {
            throw EventError(reason: "text after a closing quote", position: index + 1)
        }
        step(past: index + 1)
        return FieldValue(kind, start, index)
    }

    private mutating func step(past end: Int) {
        isDone = end == bytes.count
        at = end + 1
    }

    /// The content of a quoted field: every doubled quote stands for one.
    static func unquoted(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            result.append(bytes[index])
            index += bytes[index] == UInt8(ascii: "\"") ? 2 : 1
        }
        return result
    }
}
