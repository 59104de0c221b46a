/// Splits a stream of CSV bytes into whole records (RFC 4180): fed in chunks cut anywhere, in constant memory.
///
///     var splitter = CSVSplitter()
///     splitter.feed(chunk[...]) { row in … }      // as often as there are bytes
///     splitter.finish { row in … }                // the last record may lack its newline
///
/// A quote opens a quoted field only where a field starts; newlines and commas inside belong to the field. Records end
/// with LF or CR LF, which are not part of them; blank lines are skipped. A record beyond the bound is reported once,
/// with its first bytes, and skipped to its end without being kept.
public struct CSVSplitter: Sendable {
    public struct Row: Sendable, Equatable {
        /// The line of the file on which the record starts, from 1.
        public var line: Int
        /// The record without its line end; where `error` is set, its first `keptBytes`.
        public var bytes: ArraySlice<UInt8>
        /// Why the record cannot be used: longer than the bound, or the stream ended inside quotes.
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
            let found = chunk.withUnsafeBufferPointer { bytes in
                recordEnd(in: bytes, from: start - chunk.startIndex)
            }
            guard let found else {
                keep(chunk[start...])
                return
            }
            let end = chunk.startIndex + found
            try deliver(chunk[start..<end], body)
            start = end + 1
        }
    }

    /// The stream has ended: hands over the last record where it had no newline. The splitter is empty afterwards.
    public mutating func finish<Failure: Error>(_ body: (Row) throws(Failure) -> Void) throws(Failure) {
        line += 1
        try deliver([], body)
        isQuoted = false
    }

    /// The index of the newline that ends the current record; nil where it goes on in the next chunk. Counts lines.
    private mutating func recordEnd(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        let quote = UInt8(ascii: "\"")
        let newline = UInt8(ascii: "\n")
        var index = start
        while true {
            let next = ByteSearch.first(quote, or: newline, in: bytes, from: index)
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

    private mutating func keep(_ part: ArraySlice<UInt8>) {
        // One byte more than the bound may be a CR that is not part of the record.
        if !isTooLong, pending.count + part.count <= maxRecordBytes + 1 {
            pending.append(contentsOf: part)
        } else {
            isTooLong = true
            pending.append(contentsOf: part.prefix(max(0, Self.keptBytes - pending.count)))
        }
    }

    private mutating func deliver<Failure: Error>(
        _ lastPart: ArraySlice<UInt8>, _ body: (Row) throws(Failure) -> Void
    ) throws(Failure) {
        var bytes = lastPart
        if !pending.isEmpty {
            keep(lastPart)
            bytes = pending[...]
            pending = []
        }
        var row = Row(line: recordLine, bytes: Self.withoutReturn(bytes))
        if isQuoted {
            row.error = EventError(reason: "a quote is never closed")
        } else if isTooLong || row.bytes.count > maxRecordBytes {
            row.error = EventError(reason: "a record of more than \(maxRecordBytes) bytes")
        }
        if row.error != nil { row.bytes = Self.withoutReturn(bytes.prefix(Self.keptBytes)) }
        isTooLong = false
        before = .fieldStart
        recordLine = line
        if !row.bytes.isEmpty { try body(row) }
    }

    private static func withoutReturn(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
    }
}
