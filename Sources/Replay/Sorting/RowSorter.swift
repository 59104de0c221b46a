/// An external merge sort: rows in the file's order in, rows in time order out, in bounded memory. Stable.
///
/// What fits into memory is sorted there. Otherwise sorted runs go to temporary files; as soon as `fanIn` runs of one
/// level stand beside each other they are merged into one of the next, so that few files are open at a time and no
/// merge needs more than `fanIn` blocks. Runs are kept in the file's order, which keeps the sort stable.
package final class RowSorter {
    private let memory_bytes: Int
    private let fanIn: Int
    private let block_bytes: Int
    private let files: TemporaryFiles
    private var buffer: RunBuffer?
    private var runs: [Run] = []
    /// All that was ever written.
    package private(set) var spilled_bytes: Int64 = 0

    /// Called now and then while runs are merged with rows done and in all; throws to end the sort.
    package typealias Watch = (_ done: Int, _ total: Int) throws(ReplayError) -> Void

    package convenience init(memory_bytes: Int, files: TemporaryFiles) {
        // A reader may hold two blocks for a moment.
        let block_bytes = min(max(memory_bytes / 128, 64 << 10), 1 << 20)
        let fanIn = min(max(memory_bytes / (2 * block_bytes) - 1, 2), 64)
        self.init(memory_bytes: memory_bytes, fanIn: fanIn, block_bytes: block_bytes, files: files)
    }

    /// - Parameter block_bytes: what is read or written at a time; every row must fit.
    package init(memory_bytes: Int, fanIn: Int, block_bytes: Int, files: TemporaryFiles) {
        precondition(fanIn >= 2, "RowSorter.init: a merge has at least two runs")
        self.memory_bytes = memory_bytes
        self.fanIn = fanIn
        self.block_bytes = block_bytes
        self.files = files
    }

    package func add(_ row: TimedRow, _ watch: Watch) throws(ReplayError) {
        let buffer = self.buffer ?? RunBuffer(capacity: memory_bytes)
        self.buffer = buffer
        if buffer.add(row) { return }
        try spill(buffer, watch)
        let isTaken = buffer.add(row)
        precondition(isTaken, "RowSorter.add: an empty buffer refused a row")
    }

    /// The rows in time order. `first`: sorted rows that come before all that were added.
    package func finish(after first: (any RowSource)?, _ watch: Watch) throws(ReplayError) -> MergedRows {
        var sources: [any RowSource] = first.map { [$0] } ?? []
        if runs.isEmpty {
            if let buffer {
                buffer.sort()
                sources.append(RunRows(buffer, block_bytes: block_bytes))
            }
            return try MergedRows(sources)
        }
        if let buffer { try spill(buffer, watch) }
        buffer = nil
        while runs.count > fanIn { try mergeLast(min(runs.count - fanIn + 1, fanIn), watch) }
        sources += runs.map { RunRows($0, block_bytes: block_bytes) }
        runs = []
        return try MergedRows(sources)
    }

    private func spill(_ buffer: RunBuffer, _ watch: Watch) throws(ReplayError) {
        buffer.sort()
        let writer = RunWriter(try files.make(), block_bytes: block_bytes)
        try buffer.forEach { row throws(ReplayError) in try writer.append(encoded: row) }
        buffer.removeAll()
        try keep(writer.finish(level: 0))
        while runs.count >= fanIn, runs[runs.count - fanIn].level == runs[runs.count - 1].level {
            try mergeLast(fanIn, watch)
        }
    }

    private func mergeLast(_ count: Int, _ watch: Watch) throws(ReplayError) {
        let parts = Array(runs.suffix(count))
        let total = parts.reduce(0) { $0 + $1.rows }
        let level = parts.reduce(0) { max($0, $1.level) } + 1
        let merged = try MergedRows(parts.map { RunRows($0, block_bytes: block_bytes) })
        let writer = RunWriter(try files.make(), block_bytes: block_bytes)
        var done = 0
        while let row = try merged.next() {
            try writer.append(row)
            done += 1
            if done % 4_096 == 0 { try watch(done, total) }
        }
        runs.removeLast(parts.count)
        try keep(writer.finish(level: level))
    }

    private func keep(_ run: Run) {
        spilled_bytes += run.file.count
        runs.append(run)
    }
}
