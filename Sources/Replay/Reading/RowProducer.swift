import EventLog
import Events

/// Reads, sorts and prepares the rows of one input, on a thread of its own.
///
/// First `survey`, then `skip` where rows are known, then `next` until it gives `nil`. The prepared rows of one batch
/// and a block of each source are all that it holds, beside the memory for sorting.
actor RowProducer {
    /// What one reading of the whole input tells.
    struct Survey: Sendable {
        var digest: String
        var rows: Int64
        var span: ClosedRange<Int64>?
        var spilled_bytes: Int64
    }

    /// What rows are made into.
    struct Plan: Sendable {
        var name: String
        var mode: ReplayOptions.Mode
        var speed: ReplaySpeed
        var limits: BatchLimits
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let executor = BlockingExecutor()
    private let input: ReplayInput
    private let files: TemporaryFiles
    private let memory_bytes: Int
    private let mapping: CSVMapping
    private let now: @Sendable () -> Int64
    private var rows: MergedRows?
    private var csv: BrowsingCSV?
    private var number: Int64 = 0
    private var pacing: Pacing?

    init(
        _ input: ReplayInput, mapping: CSVMapping, memory_bytes: Int, files: TemporaryFiles,
        now: @escaping @Sendable () -> Int64
    ) {
        self.input = input
        self.files = files
        self.mapping = mapping
        self.memory_bytes = memory_bytes
        self.now = now
    }

    /// Reads the input once and puts its rows in order.
    func survey(_ progress: @escaping @Sendable (ReplayProgress) -> Void) throws(ReplayError) -> Survey {
        let bytes = try InputBytes(input, files: files)
        let file = try CSVRows(file: bytes.name, mapping: mapping) { () throws(ReplayError) in
            try Self.checkCancelled()
            progress(ReplayProgress(phase: .reading, done: bytes.position, total: bytes.size))
            return try bytes.next()
        }
        func watch(done: Int, total: Int) throws(ReplayError) {
            try Self.checkCancelled()
            progress(ReplayProgress(phase: .sorting, done: Int64(done), total: Int64(total)))
        }
        var start = SortedStart()
        let sorter = RowSorter(memory_bytes: memory_bytes, files: files)
        var count: Int64 = 0
        var isSorted = true
        while let row = try file.next() {
            count += 1
            if isSorted {
                if start.add(row) { continue }
                isSorted = false
                bytes.endCopy()
            }
            try sorter.add(row, watch)
        }
        var offset: Int64 = 0
        let again = try CSVRows(file: bytes.name, mapping: mapping) { () throws(ReplayError) in
            let chunk = try bytes.again(at: offset)
            offset += Int64(chunk.count)
            return chunk
        }
        csv = file.csv
        rows = try sorter.finish(after: start.again(from: again, named: bytes.name), watch)
        return Survey(
            digest: bytes.digest.description, rows: count, span: file.span, spilled_bytes: sorter.spilled_bytes)
    }

    /// Passes over rows, at most `limit` of them, until row `last` is behind.
    ///
    /// - Returns: the last row that is behind.
    func skip(to last: Int64, limit: Int) throws(ReplayError) -> Int64 {
        try Self.checkCancelled()
        for _ in 0..<limit where number < last {
            guard try rows?.next() != nil else { return number }
            number += 1
        }
        return number
    }

    /// The next rows; `nil` after the last one.
    func next(_ plan: Plan) -> Result<Batch?, ReplayError> {
        do throws(ReplayError) {
            try Self.checkCancelled()
            let batch = try batch(plan)
            return .success(batch.isEmpty ? nil : batch)
        } catch {
            return .failure(error)
        }
    }

    private func batch(_ plan: Plan) throws(ReplayError) -> Batch {
        guard let rows, let csv else { preconditionFailure("RowProducer.next: nothing was surveyed") }
        let now = now()
        var pacing = pacing ?? Pacing(plan.speed)
        var batch = Batch()
        var bytes = 0
        // The last row may pass the bound on bytes: what it was taken for is not known before it is made.
        while batch.rows.count < plan.limits.rows, bytes < plan.limits.bytes, let row = try rows.next() {
            number += 1
            let due = pacing.due(row.time, now: now)
            // Rows are made ready ahead of time, and come in when they are due.
            let content = plan.content(of: row, csv: csv, due: due, received: max(now, due))
            batch.rows.append(ReplayRow(number: number, content: content))
            batch.lines.append(row.line)
            batch.dues.append(due)
            bytes += content.wire_bytes
        }
        self.pacing = pacing
        return batch
    }

    private static func checkCancelled() throws(ReplayError) {
        if Task.isCancelled { throw .cancelled }
    }
}

extension RowProducer.Plan {
    /// The row as the log takes it. Its id is the same in every replay of the name.
    fileprivate func content(of row: TimedRow, csv: BrowsingCSV, due: Int64, received: Int64) -> ReplayRow.Content {
        do throws(EventError) {
            if let flaw = row.flaw { throw EventError(reason: flaw) }
            var event = try csv.event(record: row.bytes, id: name + "/" + String(row.line))
            var timeline = Timeline.replay(name)
            if mode == .live {
                event.timestamp = due
                timeline = .live
            }
            let value = RecordCoder.encode(event, timeline: timeline, received: received)
            return .event(NewRecord(key: event.sessionKey, value: value, identity: event.identity))
        } catch {
            return .rejected(
                RejectedRecord(
                    time: received, source: name, reason: error.description, line: row.line, bytes: row.bytes))
        }
    }
}

extension ReplayRow.Content {
    /// About the bytes that this takes on the way to a server.
    fileprivate var wire_bytes: Int {
        switch self {
        case .event(let record): record.value.count + 1
        case .rejected(let record): record.bytes.count * 4 / 3 + 2 * record.reason.utf8.count + 64
        }
    }
}
