import Events
import Testing

/// The splitter against RFC 4180 and against a reading of its own rules that sees the whole text at once.
struct CSVSplitterTests {
    private func rows(_ text: String, maxRecordBytes: Int = EventLimits.recordBytes) -> [CSVSplitter.Row] {
        Self.split([Array(text.utf8)[...]], maxRecordBytes: maxRecordBytes)
    }

    static func split(_ chunks: [ArraySlice<UInt8>], maxRecordBytes: Int) -> [CSVSplitter.Row] {
        var splitter = CSVSplitter(maxRecordBytes: maxRecordBytes)
        var rows: [CSVSplitter.Row] = []
        for chunk in chunks { splitter.feed(chunk) { rows.append($0) } }
        splitter.finish { rows.append($0) }
        return rows
    }

    private func described(_ rows: [CSVSplitter.Row]) -> [String] {
        rows.map { row in
            "\(row.line): \(String(decoding: row.bytes, as: UTF8.self))" + (row.error.map { " (\($0))" } ?? "")
        }
    }

    @Test func linesEndWithLFOrCRLF() {
        #expect(described(rows("a,b\r\nc\n\n\r\nd\r\r\ne")) == ["1: a,b", "2: c", "5: d\r", "6: e"])
        #expect(rows("") == [])
        #expect(rows("\n\r\n") == [])
        #expect(described(rows("a\r")) == ["1: a"])
    }

    @Test func newlinesInsideQuotesBelongToTheField() {
        #expect(described(rows("\"a\nb\",c\n\"d\"\"\r\ne\"\nf")) == ["1: \"a\nb\",c", "3: \"d\"\"\r\ne\"", "5: f"])
    }

    @Test func aQuoteOpensAFieldOnlyAtItsStart() {
        #expect(described(rows("a\"b\nc,d\"\n,\"\n\",e\n")) == ["1: a\"b", "2: c,d\"", "3: ,\"\n\",e"])
    }

    @Test func lineNumbersMayStartAnywhere() {
        var splitter = CSVSplitter(firstLine: 100)
        var lines: [Int] = []
        splitter.feed(Array("a\nb\n".utf8)[...]) { lines.append($0.line) }
        splitter.finish { lines.append($0.line) }
        #expect(lines == [100, 101])
    }

    @Test func aLineBeyondTheBoundIsReportedOnceAndSkipped() {
        let long = String(repeating: "x", count: 20)
        #expect(
            described(rows("a\n\(long)\r\nb\n\(long)x\nc", maxRecordBytes: 20))
                == ["1: a", "2: \(long)", "3: b", "4: \(long)x (a record of more than 20 bytes)", "5: c"])
        let huge = rows("a\n\(String(repeating: "x", count: 1_000_000))\nb")
        #expect(huge.map(\.line) == [1, 2, 3])
        #expect(huge.map(\.bytes.count) == [1, CSVSplitter.keptBytes, 1])
        #expect(huge.map { $0.error?.reason } == [nil, "a record of more than 16384 bytes", nil])
    }

    /// One stray quote in a file of millions of rows costs one row.
    @Test func aStrayQuoteCostsItsOwnLine() {
        let tail = (3...5_000).map { "row,\($0)" }
        let found = described(rows("row,1\nrow,\"2\n" + tail.joined(separator: "\n")))
        #expect(found.count == 5_000)
        #expect(found[1] == "2: row,\"2 (a quote is not closed within 16384 bytes)")
        #expect(found[2...].elementsEqual(tail.enumerated().map { "\($0 + 3): \($1)" }))
        #expect(
            described(rows("a\n\"b\n\"\"c\nd\n")) == ["1: a", "2: \"b (a quote is never closed)", "3: \"\"c", "4: d"])
        #expect(described(rows("\"")) == ["1: \" (a quote is never closed)"])
    }

    /// Small bounds and letters, so that everything happens often.
    @Test(arguments: 1...8) func cutsMakeNoDifferenceAndTheRulesHold(seed: Int) {
        var random = SeededGenerator(seed: seed)
        for round in 0..<4_000 {
            let letters = random.one(of: ["a,\"\n", "aaaaaa,\"\r\n", "aaaaaaaaaaaaaaa,,\"\n", "\"\n", "a\r\n"])
            let text = (0..<random.below(120)).map { _ in random.one(of: Array(letters.utf8)) }
            let bound = 1 + random.below(40)
            var chunks: [ArraySlice<UInt8>] = []
            var rest = text[...]
            while !rest.isEmpty {
                chunks.append(rest.prefix(1 + random.below(random.one(of: [1, 8, 60]))))
                rest = rest.dropFirst(chunks[chunks.count - 1].count)
            }
            let found = Self.split(chunks, maxRecordBytes: bound)
            let wanted = Self.reference(text, maxRecordBytes: bound)
            guard found == wanted else {
                Issue.record(
                    """
                    seed \(seed), round \(round), bound \(bound), chunks \(chunks.map { String(decoding: $0, as: UTF8.self) }):
                    \(described(found)), not \(described(wanted))
                    """)
                return
            }
        }
    }

    /// The rules of the splitter's header, read once more.
    private static func reference(_ text: [UInt8], maxRecordBytes: Int) -> [CSVSplitter.Row] {
        let quote = UInt8(ascii: "\"")
        let newline = UInt8(ascii: "\n")
        let comma = UInt8(ascii: ",")
        var rows: [CSVSplitter.Row] = []
        var start = 0
        var line = 1
        func append(_ record: ArraySlice<UInt8>, _ error: String?) {
            func cut(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
                bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
            }
            let bytes = cut(record)
            let isTooLong = bytes.count > maxRecordBytes
            let error = error ?? (isTooLong ? "a record of more than \(maxRecordBytes) bytes" : nil)
            if !bytes.isEmpty {
                rows.append(.init(line: line, bytes: bytes, error: error.map { EventError(reason: $0) }))
            }
        }
        while start < text.count {
            // A record that goes on at `limit` is beyond the bound, with room for CR LF.
            let limit = min(text.count, start + maxRecordBytes + 2)
            var isQuoted = false
            var opens = true
            var index = start
            while index < limit, isQuoted || text[index] != newline {
                if text[index] == quote {
                    (isQuoted, opens) = isQuoted ? (false, true) : (opens, false)
                } else {
                    opens = !isQuoted && text[index] == comma
                }
                index += 1
            }
            let isAtEnd = limit == text.count && limit - start < maxRecordBytes + 2
            let firstLineEnd = text[start..<limit].firstIndex(of: newline)
            if !isQuoted, index < limit || isAtEnd {
                append(text[start..<index], nil)
                line += text[start..<index].count { $0 == newline } + 1
                start = index + 1
            } else if isQuoted, firstLineEnd != nil || isAtEnd {
                let end = firstLineEnd ?? limit
                let error = isAtEnd ? "a quote is never closed" : "a quote is not closed within \(maxRecordBytes) bytes"
                append(text[start..<end], error)
                line += 1
                start = end + 1
            } else {
                append(text[start..<limit], "a record of more than \(maxRecordBytes) bytes")
                let end = text[limit...].firstIndex(of: newline) ?? text.endIndex
                line += text[start..<end].count { $0 == newline } + 1
                start = end + 1
            }
        }
        return rows
    }
}
