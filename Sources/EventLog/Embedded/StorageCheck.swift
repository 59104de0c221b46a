import EventLog
import GRDB

/// What a look at every row of the two files found: gaps, order, checksums, and SQLite's own structure.
///
/// Reads by short transactions, beside whoever writes; it judges what was there when it looked first. Only SQLite's own
/// check is one long transaction, during which the WAL grows.
public struct StorageCheck: Sendable {
    /// Something that is not as it was written.
    public struct Finding: Sendable, Equatable, Codable {
        public var file: String
        /// `nil` where it is not about one partition.
        public var partition: Int?
        /// On the events log, or the output offset within scores and outcomes.
        public var offset: Int64?
        public var problem: String

        public init(file: String, partition: Int?, offset: Int64?, problem: String) {
            self.file = file
            self.partition = partition
            self.offset = offset
            self.problem = problem
        }
    }

    public struct Report: Sendable, Equatable, Codable {
        public var events: Int64 = 0
        public var scores: Int64 = 0
        public var outcomes: Int64 = 0
        public var rejected: Int64 = 0
        /// Rows from before schema 2, which have no checksum.
        public var withoutChecksum: Int64 = 0
        public var problems = 0
        /// The first hundred.
        public var findings: [Finding] = []

        static let maxFindings = 100

        mutating func add(_ finding: Finding) {
            problems += 1
            if findings.count < Self.maxFindings { findings.append(finding) }
        }
    }

    /// Records read in one transaction, and a row's more.
    private static let run: Int64 = 2_000

    private let events: DatabasePool
    private let scores: DatabasePool
    private let partitions: Int
    private var report = Report()

    init(events: DatabasePool, scores: DatabasePool, partitions: Int) {
        self.events = events
        self.scores = scores
        self.partitions = partitions
    }

    /// - Parameters:
    ///   - tail: only so many of the newest rows of every partition, and nothing that takes longer the larger the files
    ///     are; `nil`: everything.
    ///   - progress: records looked at and to look at.
    mutating func run(
        tail: Int64? = nil, progress: @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) async throws(EventLogError) -> Report {
        var walks: [(table: RecordTable, partition: Int, range: Range<Int64>)] = []
        for table in [RecordTable.event, .score, .outcome] {
            for partition in 0..<partitions {
                do throws(EventLogError) {
                    var range = try await pool(table).answer("the bounds") {
                        try $0.bounds(of: table, partition: partition)
                    }
                    if let tail { range = max(range.lowerBound, range.upperBound - tail)..<range.upperBound }
                    walks.append((table, partition, range))
                } catch {
                    add(table, partition, nil, "\(error)")
                }
            }
        }
        let total = walks.reduce(0) { $0 + Int64($1.range.count) }
        var done: Int64 = 0
        for walk in walks {
            try await self.walk(walk.table, walk.partition, walk.range) { progress(done + $0, total) }
            done += Int64(walk.range.count)
        }
        if tail == nil {
            try await checkRejected()
            await checkReplays()
            await checkStructure()
        }
        for partition in 0..<partitions {
            await note("scores.sqlite", partition) { _ = try $0.committedPosition(partition: partition) }
        }
        return report
    }

    private func pool(_ table: RecordTable) -> DatabasePool { table == .event ? events : scores }

    private mutating func add(_ table: RecordTable, _ partition: Int, _ offset: Int64?, _ problem: String) {
        report.add(Finding(file: table.file, partition: partition, offset: offset, problem: problem))
    }

    // MARK: Records

    /// What one transaction saw.
    private struct Seen: Sendable {
        var next: Int64
        var lastTime: Int64
        var rows: Int64 = 0
        var withoutChecksum: Int64 = 0
        var problems: [(offset: Int64, text: String)] = []
        /// Nothing beyond can be read.
        var isBroken = false
    }

    private mutating func walk(
        _ table: RecordTable, _ partition: Int, _ range: Range<Int64>, progress: (Int64) -> Void
    ) async throws(EventLogError) {
        var seen = Seen(next: range.lowerBound, lastTime: .min)
        while seen.next < range.upperBound, !seen.isBroken {
            let before = seen
            seen = try await pool(table).answer("the file could not be read") {
                Self.look(at: table, partition, before, end: range.upperBound, $0)
            }
            if seen.rows == before.rows, !seen.isBroken {
                seen.isBroken = true
                seen.problems.append((seen.next, "offsets from here to \(range.upperBound - 1) are missing"))
            }
            if let first = seen.problems.first, first.offset == before.next, seen.next > before.next,
                try await hasMoved(table, partition, beyond: first.offset)
            {
                // Retention was here meanwhile.
                seen.problems.removeFirst()
            }
            for problem in seen.problems { add(table, partition, problem.offset, problem.text) }
            seen.problems = []
            progress(seen.next - range.lowerBound)
        }
        report.withoutChecksum += seen.withoutChecksum
        switch table {
        case .event: report.events += seen.rows
        case .score: report.scores += seen.rows
        case .outcome: report.outcomes += seen.rows
        }
    }

    private func hasMoved(
        _ table: RecordTable, _ partition: Int, beyond offset: Int64
    ) async throws(EventLogError) -> Bool {
        try await pool(table).answer("the bounds") {
            try $0.bounds(of: table, partition: partition).lowerBound > offset
        }
    }

    private static func look(
        at table: RecordTable, _ partition: Int, _ before: Seen, end: Int64, _ database: Database
    ) -> Seen {
        var seen = before
        do {
            try database.batches(of: table, partition: partition, in: before.next..<end) { batch in
                guard batch.end > seen.next else { return true }
                if batch.offset > seen.next {
                    seen.problems.append((seen.next, "offsets from here to \(batch.offset - 1) are missing"))
                    seen.next = batch.offset
                } else if batch.offset < seen.next, seen.rows > before.rows {
                    seen.problems.append((batch.offset, "this row and the one before it hold the same offsets"))
                }
                do {
                    _ = try batch.forEach(from: seen.next) { record in
                        guard record.offset < end else { return false }
                        look(at: record, &seen)
                        return true
                    }
                } catch {
                    seen.problems.append((min(seen.next, batch.end - 1), "\(error)"))
                    seen.rows += max(0, batch.end - seen.next)
                    seen.next = batch.end
                }
                return seen.rows - before.rows < run
            }
        } catch {
            seen.problems.append((seen.next, "nothing from here on can be read: \(error)"))
            seen.isBroken = true
        }
        return seen
    }

    private static func look(at record: BatchedRecord, _ seen: inout Seen) {
        do {
            _ = try record.stored()
            if record.time < seen.lastTime {
                seen.problems.append((record.offset, "its append time is before its predecessor's"))
            }
            seen.lastTime = record.time
            if record.checksum == nil { seen.withoutChecksum += 1 }
        } catch {
            seen.problems.append((record.offset, "\(error)"))
        }
        seen.rows += 1
        seen.next = record.offset + 1
    }

    // MARK: The rest

    private mutating func checkRejected() async throws(EventLogError) {
        var next: Int64 = 0
        while true {
            let from = next
            let run: [(number: Int64, problem: String?)]
            do throws(EventLogError) {
                run = try await events.answer("rejected input could not be read") {
                    try $0.rejectedInputs(from: from, limit: Int(Self.run)) { record, checksum, number in
                        let isWrong = checksum != nil && checksum != record.checksum(number)
                        return (number, isWrong ? "\(EventLogError.wrongChecksum("rejected input \(number)"))" : nil)
                    }
                }
            } catch {
                return report.add(Finding(file: "events.sqlite", partition: nil, offset: nil, problem: "\(error)"))
            }
            for case (_, let problem?) in run {
                report.add(Finding(file: "events.sqlite", partition: nil, offset: nil, problem: problem))
            }
            guard let last = run.last else { return }
            report.rejected += Int64(run.count)
            next = last.number + 1
        }
    }

    private mutating func checkReplays() async {
        await note("events.sqlite", nil) { database in
            for name in try String.fetchAll(database, sql: "SELECT name FROM replay") {
                _ = try database.replayMark(name)
            }
        }
    }

    /// SQLite's own check: pages, trees, what must not be null.
    private mutating func checkStructure() async {
        for (file, pool) in [("events.sqlite", events), ("scores.sqlite", scores)] {
            do throws(EventLogError) {
                let lines = try await pool.answer("SQLite's own check could not be made") {
                    try String.fetchAll($0, sql: "PRAGMA integrity_check")
                }
                for line in lines where line != "ok" {
                    report.add(Finding(file: file, partition: nil, offset: nil, problem: line))
                }
            } catch {
                report.add(Finding(file: file, partition: nil, offset: nil, problem: "\(error)"))
            }
        }
        let partitions = partitions
        for (table, pool) in [(RecordTable.event, events), (.score, scores), (.outcome, scores)] {
            await note(table.file, nil, in: pool) { database in
                let strays = try Int.fetchOne(
                    database,
                    sql: """
                        SELECT (SELECT count(*) FROM \(table.rawValue) WHERE partition < 0 OR partition >= ?)
                          + (SELECT count(*) FROM \(table.batches) WHERE key < 0 OR key >= ?)
                        """,
                    arguments: [partitions, RecordKey(partitions, 0).value])
                if let strays, strays > 0 {
                    throw EventLogError.unusable("\(strays) rows of \(table.rawValue)s are of no partition of this log")
                }
            }
        }
    }

    /// What `body` throws is a finding.
    private mutating func note(
        _ file: String, _ partition: Int?, in pool: DatabasePool? = nil,
        _ body: @escaping @Sendable (Database) throws -> Void
    ) async {
        let pool = pool ?? (file == "scores.sqlite" ? scores : events)
        do throws(EventLogError) { try await pool.answer("it could not be read", body) } catch {
            report.add(Finding(file: file, partition: partition, offset: nil, problem: "\(error)"))
        }
    }
}
