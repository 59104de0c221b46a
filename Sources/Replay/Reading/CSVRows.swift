import Events

/// The rows of a CSV file, in the file's order, each with its time.
final class CSVRows: RowSource {
    let csv: BrowsingCSV
    /// The earliest and latest time that a row carried so far.
    private(set) var span: ClosedRange<Int64>?
    private let read: () throws(ReplayError) -> [UInt8]
    private var splitter = CSVSplitter()
    /// The rows of the last chunk, and how many of them are handed out.
    private var rows: [CSVSplitter.Row] = []
    private var handedOut = 0
    private var isAtEnd = false
    private var lastTime = TimedRow.beforeAll

    /// Reads the header.
    ///
    /// - Parameter read: the next bytes; empty at the end.
    init(file: String, mapping: CSVMapping = .none, read: @escaping () throws(ReplayError) -> [UInt8])
        throws(ReplayError)
    {
        self.read = read
        while rows.isEmpty, !isAtEnd { try Self.split(read, &splitter, &rows, &isAtEnd) }
        guard let first = rows.first else { throw .empty(file: file) }
        if let format = Self.compression(first.bytes) {
            throw .unreadable(
                file: file, reason: "it is compressed: unpack it on the way in (\(format) -dc FILE | dinghy replay -)")
        }
        if let error = first.error { throw .header(file: file, error) }
        do throws(EventError) { csv = try BrowsingCSV(header: first.bytes, mapping: mapping) } catch {
            throw .header(file: file, error)
        }
        handedOut = 1
    }

    func next() throws(ReplayError) -> TimedRow? {
        while handedOut == rows.count {
            guard !isAtEnd else { return nil }
            rows.removeAll(keepingCapacity: true)
            handedOut = 0
            try Self.split(read, &splitter, &rows, &isAtEnd)
        }
        let row = rows[handedOut]
        handedOut += 1
        if let error = row.error {
            return TimedRow(time: lastTime, line: row.line, bytes: row.bytes, flaw: error.description)
        }
        do throws(EventError) {
            lastTime = try csv.timestamp(record: row.bytes)
            note(lastTime)
        } catch {
            // The row keeps its place; what is wrong with it is said when it is made into an event.
        }
        return TimedRow(time: lastTime, line: row.line, bytes: row.bytes)
    }

    private func note(_ time: Int64) {
        guard let span else {
            span = time...time
            return
        }
        if time < span.lowerBound { self.span = time...span.upperBound }
        if time > span.upperBound { self.span = span.lowerBound...time }
    }

    private static func split(
        _ read: () throws(ReplayError) -> [UInt8], _ splitter: inout CSVSplitter, _ rows: inout [CSVSplitter.Row],
        _ isAtEnd: inout Bool
    ) throws(ReplayError) {
        let chunk = try read()
        isAtEnd = chunk.isEmpty
        if isAtEnd {
            splitter.finish { row in rows.append(row) }
        } else {
            splitter.feed(chunk[...]) { row in rows.append(row) }
        }
    }

    /// The program that unpacks what starts with these bytes.
    private static func compression(_ bytes: ArraySlice<UInt8>) -> String? {
        let formats: [(program: String, magic: [UInt8])] = [
            ("gzip", [0x1F, 0x8B]), ("xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A]), ("zstd", [0x28, 0xB5, 0x2F, 0xFD]),
            ("bzip2", [0x42, 0x5A, 0x68]),
        ]
        return formats.first { bytes.starts(with: $0.magic) }?.program
    }
}
