/// A value as it stands in the input: where its bytes are and how they are to be read. Nothing is copied before it is
/// known to be wanted.
struct FieldValue {
    enum Kind: UInt8 {
        case absent, null
        /// JSON text without escapes: valid UTF-8, no control characters.
        case text
        /// JSON text with escapes, checked.
        case escapedText
        /// A JSON number, checked against the grammar.
        case number
        case boolean, object, array
        /// From a query string or a CSV: may be read as text or as a number; its UTF-8 is not checked yet.
        case form
        /// A form value of CSV that still holds doubled quotes.
        case quotedForm
        /// A form value whose percent escapes are broken.
        case brokenForm
    }

    var kind = Kind.absent
    var start: UInt32 = 0
    var end: UInt32 = 0

    static let absent = FieldValue()

    @inline(__always)
    init() {}

    /// The caller has made sure that the input is shorter than 4 GiB.
    @inline(__always)
    init(_ kind: Kind, _ start: Int, _ end: Int) {
        self.kind = kind
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
    }

    var isGiven: Bool { kind != .absent && kind != .null }
    var count: Int { Int(end) - Int(start) }
}
