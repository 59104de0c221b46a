/// The rows that a file begins with as long as they are in time order, to be read a second time from the file itself.
/// For a file that is in order these are all of them, and nothing is ever sorted.
struct SortedStart {
    private(set) var rows = 0
    private(set) var lastTime = TimedRow.beforeAll
    private var digest = ContentDigest()

    /// Takes the file's next row; refuses it where it is not in order.
    mutating func add(_ row: TimedRow) -> Bool {
        guard row.time >= lastTime else { return false }
        rows += 1
        lastTime = row.time
        digest.update(row)
        return true
    }

    /// The same rows again out of `file`.
    func again(from file: CSVRows, named name: String) -> any RowSource {
        Again(expected: self, file: file, changed: .changed(file: name))
    }

    /// - Throws: `changed` where the rows are not the ones that were read before.
    private final class Again: RowSource {
        private let expected: SortedStart
        private let file: CSVRows
        private let changed: ReplayError
        private var found = SortedStart()

        init(expected: SortedStart, file: CSVRows, changed: ReplayError) {
            self.expected = expected
            self.file = file
            self.changed = changed
        }

        func next() throws(ReplayError) -> TimedRow? {
            guard found.rows < expected.rows else { return nil }
            guard let row = try file.next(), found.add(row) else { throw changed }
            if found.rows == expected.rows, found.digest.description != expected.digest.description { throw changed }
            return row
        }
    }
}

extension ContentDigest {
    fileprivate mutating func update(_ row: TimedRow) {
        withUnsafeBytes(of: Int64(row.line)) { update($0) }
        row.bytes.withUnsafeBytes { update($0) }
    }
}
