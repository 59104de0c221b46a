import EventLog
import Events
import FoundationEssentials
import GRDB
import Logging
import Metrics
import Synchronization

/// Removes what is older than the shop keeps, a few records at a time, between the transactions of those who append.
///
/// 1. A record goes only when it is older than `age`, lies before the low-water of the committed position (a position
///    that was never committed holds everything), and is not its partition's newest.
/// 2. Scores and outcomes go after the events they belong to, so that what the log holds can be audited.
/// 3. Rows go whole: of one that holds something that has to stay, everything stays.
/// 4. One step is one short transaction; the next waits for its turn behind whoever appends.
/// 5. Pages that become free are used again by what is appended next: the files stop growing, they do not shrink.
///
/// Whoever reads is not waited for: a reader whose next record is gone is told so (`TableReader`).
final class Retention: Sendable {
    private let events: DatabasePool
    private let scores: DatabasePool
    private let writer: EventWriter
    private let scoresHealth: StorageHealth
    private let newestOutputs: NewestOutputs
    private let partitions: Int
    private let settings: RetentionSettings
    private let logger: Logger
    private let now: @Sendable () -> Int64
    private let task = Mutex<Task<Void, Never>?>(nil)

    private let removed = Metrics.Counter(label: "dinghy_retention_removed_records_total")
    private let failures = Metrics.Counter(label: "dinghy_retention_failures_total")

    init(
        events: DatabasePool, scores: DatabasePool, writer: EventWriter, scoresHealth: StorageHealth,
        newestOutputs: NewestOutputs, partitions: Int, settings: RetentionSettings, logger: Logger,
        now: @escaping @Sendable () -> Int64
    ) {
        self.events = events
        self.scores = scores
        self.writer = writer
        self.scoresHealth = scoresHealth
        self.newestOutputs = newestOutputs
        self.partitions = partitions
        self.settings = settings
        self.logger = logger
        self.now = now
    }

    /// Begins to look, after `delay` and then every `interval`.
    func start() {
        task.withLock { task in
            task = Task.detached(priority: .utility) { [self] in
                if settings.delay > .zero { try? await Task.sleep(for: settings.delay) }
                while !Task.isCancelled {
                    do { try await sweep() } catch {
                        failures.increment()
                        logger.warning("retention goes on later: \(error)")
                    }
                    try? await Task.sleep(for: settings.interval)
                }
            }
        }
    }

    func finish() async {
        let running = task.withLock { task in
            defer { task = nil }
            return task
        }
        running?.cancel()
        await running?.value
    }

    /// Removes everything that may go now; gives how many events went.
    @discardableResult
    func sweep() async throws(EventLogError) -> Int64 {
        var swept: Int64 = 0
        let cutoff = now() - settings.age_ms
        var failure: EventLogError?
        for partition in 0..<partitions {
            // Damage to one partition does not keep the others.
            do throws(EventLogError) {
                while !Task.isCancelled {
                    let count = try await step(partition, cutoff)
                    if count == 0 { break }
                    swept += count
                    removed.increment(by: count)
                }
                while !Task.isCancelled, try await outputStep(partition) {}
            } catch {
                failure = failure ?? error
            }
        }
        if !Task.isCancelled { try await writer.forgetRejected(before: cutoff, limit: settings.step) }
        if let failure { throw failure }
        return swept
    }

    /// Removes the oldest rows of a partition, of about `settings.step` records; gives how many records.
    private func step(_ partition: Int, _ cutoff: Int64) async throws(EventLogError) -> Int64 {
        let lowWater = try await scores.answer("the committed position could not be read") {
            try $0.committedPosition(partition: partition)?.lowWaterOffset
        }
        guard let lowWater else { return 0 }
        let step = Int64(settings.step)
        let range = try await events.answer("the events log could not be read") { database -> Range<Int64> in
            let bounds = try database.bounds(of: .event, partition: partition)
            // The newest stays: offsets go on from it.
            let limit = min(lowWater, bounds.upperBound - 1)
            guard limit > bounds.lowerBound else { return 0..<0 }
            return bounds
                .lowerBound..<(try database.end(
                    of: .event, partition, in: bounds.lowerBound..<limit, atLeast: step
                ) { $0.time < cutoff })
        }
        guard !range.isEmpty else { return 0 }
        try await writer.forget(partition: partition, before: range.upperBound, records: range.count)
        return Int64(range.count)
    }

    /// Removes outputs of events that are gone; false where there are none.
    private func outputStep(_ partition: Int) async throws(EventLogError) -> Bool {
        let start = try await events.answer("the events log could not be read") {
            try $0.bounds(of: .event, partition: partition).lowerBound
        }
        let step = Int64(settings.step)
        if let reason = scoresHealth.stopped { throw .stopped(reason) }
        do {
            let removed = try await Task { [scores] in
                try await scores.write { database in
                    var removed = false
                    for table in [RecordTable.score, .outcome] {
                        let bounds = try database.bounds(of: table, partition: partition)
                        guard !bounds.isEmpty else { continue }
                        // The newest stays: offsets go on from it.
                        let end = try database.end(
                            of: table, partition, in: bounds.lowerBound..<(bounds.upperBound - 1), atLeast: step
                        ) { $0.belongs(before: start) }
                        guard end > bounds.lowerBound else { continue }
                        try database.forget(table, partition, before: end)
                        FaultPoint.retention.pass()
                        removed = true
                    }
                    return removed
                }
            }.value
            if removed { newestOutputs.clear() }
            return removed
        } catch {
            throw await scoresHealth.judge(error, "old scores could not be removed", writer: scores)
        }
    }
}

/// What a shop keeps.
public struct RetentionSettings: Sendable {
    /// Records older than this are removed.
    public var age: Duration
    /// Pause before the first look.
    public var delay = Duration.zero
    /// How often is looked then.
    public var interval = Duration.seconds(60)
    /// Records that one transaction removes, and a row's more.
    public var step = 1_000

    public init(age: Duration) { self.age = age }

    var age_ms: Int64 { age.components.seconds * 1_000 }
}

extension Database {
    /// Where the rows end that may go: as many of the oldest as hold about `atLeast` records, lie wholly within `range`,
    /// pass `may`, and end where the next begins. One that says otherwise is damaged and stays, with all behind it.
    fileprivate func end(
        of table: RecordTable, _ partition: Int, in range: Range<Int64>, atLeast records: Int64,
        _ may: (RecordBatch) throws -> Bool
    ) throws -> Int64 {
        var end = range.lowerBound
        var next = range.lowerBound
        // With the row that comes behind the range.
        try batches(of: table, partition: partition, in: range.lowerBound..<(range.upperBound + 1)) { batch in
            guard batch.offset == next else { return false }
            end = next
            guard end - range.lowerBound < records, batch.end <= range.upperBound, try may(batch) else { return false }
            next = batch.end
            return true
        }
        return end
    }

    /// Removes the rows of a partition before an offset, which begins one.
    func forget(_ table: RecordTable, _ partition: Int, before offset: Int64) throws {
        let singles = try RawStatement(
            self, #"DELETE FROM \#(table.rawValue) WHERE partition = ? AND "offset" < ?"#)
        try singles.bind(Int64(partition), at: 1)
        try singles.bind(offset, at: 2)
        try singles.run()
        let batches = try RawStatement(self, "DELETE FROM \(table.batches) WHERE key >= ? AND key < ?")
        try batches.bind(RecordKey(partition, 0).value, at: 1)
        try batches.bind(RecordKey(partition, offset).value, at: 2)
        try batches.run()
    }
}

extension RecordBatch {
    /// Whether all of its outputs belong to events before `offset`. What cannot be read belongs to nothing.
    fileprivate func belongs(before offset: Int64) -> Bool {
        var last: Int64?
        // Outputs stand in the order of their events: the last tells.
        _ = try? forEach(from: end - 1) { record in
            last = OutputOffset.read([UInt8](record.value))
            return true
        }
        return last.map { $0 < offset } ?? false
    }
}

/// The offset on the events log that an output record says it belongs to.
enum OutputOffset {
    static func read(_ json: [UInt8]) -> Int64? {
        var offset: Int64?
        do {
            try JSONMembers.read(json) { member throws(EventError) in
                switch member {
                case "offset": offset = try member.integer()
                default: break
                }
            }
        } catch { return nil }
        return offset
    }
}
