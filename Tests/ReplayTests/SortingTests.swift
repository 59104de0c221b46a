import Foundation
import Replay
import SystemPackage
import Testing

struct SortingTests {
    /// Rows in, rows out, through a sorter of that shape.
    private func sorted(
        _ rows: [TimedRow], memory: Int, fanIn: Int, block: Int, first: [TimedRow] = []
    ) throws -> (rows: [TimedRow], spilled: Int64) {
        let sorter = RowSorter(
            memory_bytes: memory, fanIn: fanIn, block_bytes: block,
            files: TemporaryFiles(directory: NSTemporaryDirectory()))
        for row in rows { try sorter.add(row) { _, _ in } }
        let merged = try sorter.finish(after: first.isEmpty ? nil : ListedRows(first)) { _, _ in }
        var result: [TimedRow] = []
        while let row = try merged.next() { result.append(row) }
        return (result, sorter.spilled_bytes)
    }

    private final class ListedRows: RowSource {
        private var rows: ArraySlice<TimedRow>
        init(_ rows: [TimedRow]) { self.rows = rows[...] }
        func next() -> TimedRow? { rows.popFirst() }
    }

    private func rows(seed: UInt64, count: Int) -> [TimedRow] {
        var random = SplitMix(seed: seed)
        let times = Int64.random(in: 1...Int64(max(1, count)), using: &random)
        return (0..<count).map { index in
            let length = Int.random(in: 0...Int.random(in: 0...100, using: &random), using: &random)
            return TimedRow(
                time: Int.random(in: 0..<50, using: &random) == 0
                    ? TimedRow.beforeAll : Int64.random(in: -times...times, using: &random),
                line: index, bytes: (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }[...],
                flaw: Int.random(in: 0..<10, using: &random) == 0 ? "flaw ü \(index)" : nil)
        }
    }

    private func stable(_ rows: [TimedRow]) -> [TimedRow] {
        rows.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
    }

    @Test(arguments: 1...60 as ClosedRange<UInt64>)
    func anyRowsComeOutAsAStableSortHasThem(seed: UInt64) throws {
        var random = SplitMix(seed: seed &* 77)
        let rows = rows(seed: seed, count: Int.random(in: 0...2_000, using: &random))
        let memory = Int.random(in: 400...8_000, using: &random)
        let fanIn = Int.random(in: 2...5, using: &random)
        let block = Int.random(in: 200...600, using: &random)
        let result = try sorted(rows, memory: memory, fanIn: fanIn, block: block)
        #expect(result.rows == stable(rows))
    }

    @Test func manyRunsAreMergedInSeveralLevels() throws {
        let rows = rows(seed: 5, count: 5_000)
        let result = try sorted(rows, memory: 1_000, fanIn: 2, block: 256)
        #expect(result.rows == stable(rows))
        let size = rows.reduce(0) { $0 + 24 + $1.bytes.count + ($1.flaw?.utf8.count ?? 0) }
        // Some 400 runs two at a time: every row is written about nine times.
        #expect(result.spilled > 7 * size)
    }

    @Test func rowsThatFitIntoMemoryAreNotWritten() throws {
        let rows = rows(seed: 6, count: 500)
        let result = try sorted(rows, memory: 1 << 20, fanIn: 2, block: 256)
        #expect(result.rows == stable(rows))
        #expect(result.spilled == 0)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func whatComesFirstStaysBeforeWhatIsEqual(seed: UInt64) throws {
        let first = stable(rows(seed: seed, count: 300))
        let others = rows(seed: seed + 1_000, count: 700)
        let result = try sorted(others, memory: 900, fanIn: 3, block: 300, first: first)
        #expect(result.rows == stable(first + others))
    }

    @Test func nothingComesOutOfNothing() throws {
        #expect(try sorted([], memory: 1_000, fanIn: 2, block: 256).rows.isEmpty)
    }

    @Test func aFullDiskIsSaidWithTheDirectoryAndWhatToDo() throws {
        let sorter = RowSorter(
            memory_bytes: 1_000, fanIn: 2, block_bytes: 256,
            files: TemporaryFiles(directory: "/small") { _ in try FileDescriptor.open("/dev/full", .writeOnly) })
        let error = #expect(throws: ReplayError.self) {
            for row in rows(seed: 1, count: 500) { try sorter.add(row) { _, _ in } }
        }
        #expect(
            error?.description
                == "cannot keep rows for sorting in /small: No space left on device; it must be writable and have "
                + "about as much room as the input takes; choose another one with --temporary-directory")
    }

    @Test func sortingLeavesNothingBehindAndNeedsFewFiles() throws {
        let directory = try TemporaryDirectory()
        var most = 0
        let sorter = RowSorter(
            memory_bytes: 1_000, fanIn: 3, block_bytes: 256, files: TemporaryFiles(directory: directory.path))
        for row in rows(seed: 2, count: 5_000) {
            try sorter.add(row) { _, _ in }
            most = max(most, openFiles(below: directory.path))
        }
        // (fanIn - 1) a level and one more while merging; 5,000 rows are six levels at most.
        #expect(most > 3 && most <= 14)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }

    private func openFiles(below directory: String) -> Int {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return all.count { name in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + name)
            return target?.hasPrefix(directory) ?? false
        }
    }
}
