/// Splits a stream of CSV bytes into whole records (RFC 4180): fed in chunks cut anywhere, in constant memory.
///
///     var splitter = CSVSplitter()
///     splitter.feed(chunk[...]) { row in … }      // as often as there are bytes
///     splitter.finish { row in … }                // the last record may lack its newline
///
/// A quote opens a quoted field only where a field starts; newlines and commas inside belong to the field. Records end
/// with LF or CR LF, which are not part of them; blank lines are skipped. How the bytes were cut makes no difference.
///
/// What is broken costs no more than itself:
/// - A quote that is not closed within the bound, or by the end, is no quote: its record ends with its line, which is
///   reported, and the next line is read afresh. One stray quote would else swallow the rest of a file.
/// - A line beyond the bound is reported once, with its first bytes, and skipped to its end without being kept.
public struct CSVSplitter: Sendable {
    public struct Row: Sendable, Equatable {
        /// The line of the file on which the record starts, from 1.
        public var line: Int
        /// The record without its line end; where `error` is set, its first `keptBytes`.
        public var bytes: ArraySlice<UInt8>
        /// Why the record cannot be used: longer than the bound, or a quote that is not closed.
        public var error: EventError?

        public init(line: Int, bytes: ArraySlice<UInt8>, error: EventError? = nil) {
            self.line = line
            self.bytes = bytes
            self.error = error
        }
    }

    /// How much is kept of a record that is too long.
    public static let keptBytes = 4_096

    /// What the last byte was, as far as it decides whether a quote opens a field.
    private enum Before { case fieldStart, closingQuote, other }

    private let maxRecordBytes: Int
    private var line: Int
    private var recordLine: Int
    private var isQuoted = false
    private var before = Before.fieldStart
    /// The part of the current record that came with earlier chunks; only its start where `isTooLong`.
    private var pending: [UInt8] = []
    /// The current record is a line beyond the bound: nothing of it matters any more but its end.
    private var isTooLong = false

    /// `firstLine`: the number of the line that is fed first.
    public init(maxRecordBytes: Int = EventLimits.recordBytes, firstLine: Int = 1) {
        precondition(maxRecordBytes > 0, "CSVSplitter.init: a record has at least one byte")
        self.maxRecordBytes = maxRecordBytes
        line = firstLine
        recordLine = firstLine
    }

    /// Hands every record that ends within `chunk` to `body`, in order. Where `body` throws, the rest of the chunk is
    /// lost and the splitter must not be used again.
    public mutating func feed<Failure: Error>(
        _ chunk: ArraySlice<UInt8>, _ body: (Row) throws(Failure) -> Void
    ) throws(Failure) {
        var start = chunk.startIndex
        while start < chunk.endIndex {
            // The longest record, its CR and its LF: one that does not end within these is beyond the bound.
            let room = isTooLong ? .max : maxRecordBytes + 2 - pending.count
            let end = chunk.endIndex - start > room ? start + room : chunk.endIndex
            let found = chunk.withUnsafeBufferPointer { bytes in
                recordEnd(
                    in: UnsafeBufferPointer(rebasing: bytes[..<(end - chunk.startIndex)]),
                    from: start - chunk.startIndex)
            }
            if let found {
                let end = chunk.startIndex + found
                try deliver(chunk[start..<end], body)
                start = end + 1
            } else {
                if !isTooLong { pending.append(contentsOf: chunk[start..<end]) }
                start = end
                if !isTooLong, pending.count == maxRecordBytes + 2 { try giveUp(body) }
            }
        }
    }

    /// The stream has ended: hands over the last record where it had no newline. The splitter is empty afterwards.
    public mutating func finish<Failure: Error>(_ body: (Row) throws(Failure) -> Void) throws(Failure) {
        while isQuoted {
            if try !readAgain(EventError(reason: "a quote is never closed"), body) {
                line += 1
                try deliver([], error: EventError(reason: "a quote is never closed"), body)
                return
            }
        }
        line += 1
        try deliver([], body)
    }

    /// The index of the newline that ends the current record; nil where it goes on. Counts lines.
    private mutating func recordEnd(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        let quote = UInt8(ascii: "\"")
        let newline = UInt8(ascii: "\n")
        var index = start
        while true {
            let next = ByteSearch.first(isTooLong ? newline : quote, or: newline, in: bytes, from: index)
            if next > index {
                before = bytes[next - 1] == UInt8(ascii: ",") && !isQuoted ? .fieldStart : .other
            }
            guard next < bytes.count else { return nil }
            if bytes[next] == newline {
                line += 1
                if !isQuoted { return next }
                before = .other
            } else if isQuoted {
                isQuoted = false
                before = .closingQuote
            } else {
                // Directly after a closing quote, a quote makes it a doubled one: the field goes on.
                isQuoted = before != .other
                before = .other
            }
            index = next + 1
        }
    }

    /// The record has reached the bound without an end.
    private mutating func giveUp<Failure: Error>(_ body: (Row) throws(Failure) -> Void) throws(Failure) {
        let error = EventError(reason: "a quote is not closed within \(maxRecordBytes) bytes")
        if isQuoted, try readAgain(error, body) { return }
        isQuoted = false
        isTooLong = true
        pending.removeSubrange(min(pending.count, Self.keptBytes)...)
    }

    /// Reports the first line of a record whose quote is not closed, and reads what followed it as records of their
    /// own. Returns false where nothing did.
    private mutating func readAgain<Failure: Error>(
        _ error: EventError, _ body: (Row) throws(Failure) -> Void
    ) throws(Failure) -> Bool {
        guard let newline = pending.firstIndex(of: UInt8(ascii: "\n")) else { return false }
        let record = pending
        pending = []
        isQuoted = false
        line = recordLine + 1
        try deliver(record[..<newline], error: error, body)
        // Shorter than the bound, so that this goes no deeper.
        try feed(record[(newline + 1)...], body)
        return true
    }

    /// Hands over the current record, `pending` and its last part. `line` stands at the next one's.
    private mutating func deliver<Failure: Error>(
        _ lastPart: ArraySlice<UInt8>, error: EventError? = nil, _ body: (Row) throws(Failure) -> Void
    ) throws(Failure) {
        var bytes = lastPart
        if !pending.isEmpty {
            if !isTooLong { pending.append(contentsOf: lastPart) }
            bytes = pending[...]
            pending = []
        }
        var row = Row(line: recordLine, bytes: Self.withoutReturn(bytes), error: error)
        if isTooLong || row.bytes.count > maxRecordBytes {
            row.error = row.error ?? EventError(reason: "a record of more than \(maxRecordBytes) bytes")
        }
        if row.error != nil { row.bytes = Self.withoutReturn(bytes.prefix(Self.keptBytes)) }
        isTooLong = false
        isQuoted = false
        before = .fieldStart
        recordLine = line
        if !row.bytes.isEmpty { try body(row) }
    }

    private static func withoutReturn(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
    }
}
