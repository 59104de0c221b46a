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
/// 3. One step is one short transaction; the next waits for its turn behind whoever appends.
/// 4. Pages that become free are used again by what is appended next: the files stop growing, they do not shrink.
///
/// Whoever reads is not waited for: a reader whose next record is gone is told so (`TableReader`).
final class Retention: Sendable {
    private let events: DatabasePool
    private let scores: DatabasePool
    private let writer: EventWriter
    private let scoresHealth: StorageHealth
    private let partitions: Int
    private let settings: RetentionSettings
    private let logger: Logger
    private let now: @Sendable () -> Int64
    private let task = Mutex<Task<Void, Never>?>(nil)

    private let removed = Metrics.Counter(label: "dinghy_retention_removed_records_total")
    private let failures = Metrics.Counter(label: "dinghy_retention_failures_total")

    init(
        events: DatabasePool, scores: DatabasePool, writer: EventWriter, scoresHealth: StorageHealth, partitions: Int,
        settings: RetentionSettings, logger: Logger, now: @escaping @Sendable () -> Int64
    ) {
        self.events = events
        self.scores = scores
        self.writer = writer
        self.scoresHealth = scoresHealth
        self.partitions = partitions
        self.settings = settings
        self.logger = logger
        self.now = now
    }

    /// Begins to look, at once and then every `interval`.
    func start() {
        task.withLock { task in
            task = Task.detached(priority: .utility) { [self] in
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
        for partition in 0..<partitions {
            while !Task.isCancelled {
                let count = try await step(partition, cutoff)
                if count == 0 { break }
                swept += count
                removed.increment(by: count)
            }
            while !Task.isCancelled, try await outputStep(partition) {}
        }
        if !Task.isCancelled { try await writer.forgetRejected(before: cutoff, limit: settings.step) }
        return swept
    }

    /// Removes the oldest records of a partition, at most `settings.step`; gives how many.
    private func step(_ partition: Int, _ cutoff: Int64) async throws(EventLogError) -> Int64 {
        let lowWater = try await scores.answer("the committed position could not be read") {
            try $0.committedPosition(partition: partition)?.lowWaterOffset
        }
        guard let lowWater else { return 0 }
        let step = Int64(settings.step)
        let range = try await events.answer("the events log could not be read") { database -> Range<Int64> in
            let bounds = try database.bounds(of: .event, partition: partition)
            // The newest stays: offsets go on from it.
            let limit = min(lowWater, bounds.upperBound - 1, bounds.lowerBound + step)
            guard limit > bounds.lowerBound else { return 0..<0 }
            let young = try Int64.fetchOne(
                database,
                sql: """
                    SELECT "offset" FROM event WHERE partition = ? AND "offset" >= ? AND "offset" < ? AND time >= ?
                    ORDER BY "offset" LIMIT 1
                    """,
                arguments: [partition, bounds.lowerBound, limit, cutoff])
            return bounds.lowerBound..<(young ?? limit)
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
            return try await Task { [scores] in
                try await scores.write { database in
                    var removed = false
                    for table in [RecordTable.score, .outcome] {
                        let bounds = try database.bounds(of: table, partition: partition)
                        let limit = min(bounds.upperBound - 1, bounds.lowerBound + step)
                        guard limit > bounds.lowerBound,
                            let end = try database.firstOutput(
                                of: table, partition, in: bounds.lowerBound..<limit, atOrAfter: start),
                            end > bounds.lowerBound
                        else { continue }
                        try database.execute(
                            sql: "DELETE FROM \(table.rawValue) WHERE partition = ? AND \"offset\" < ?",
                            arguments: [partition, end])
                        removed = true
                    }
                    return removed
                }
            }.value
        } catch {
            throw await scoresHealth.judge(error, "old scores could not be removed", writer: scores)
        }
    }
}

/// What a shop keeps.
public struct RetentionSettings: Sendable {
    /// Records older than this are removed.
    public var age: Duration
    /// How often is looked.
    public var interval = Duration.seconds(60)
    /// Records that one transaction removes at most.
    public var step = 1_000

    public init(age: Duration) { self.age = age }

    var age_ms: Int64 { age.components.seconds * 1_000 }
}

extension Database {
    /// The first output offset of a range whose record belongs to `offset` of the events log or to a later one; the
    /// range's end where there is none. What cannot be read belongs to nothing.
    fileprivate func firstOutput(
        of table: RecordTable, _ partition: Int, in range: Range<Int64>, atOrAfter offset: Int64
    ) throws -> Int64? {
        var range = range
        while !range.isEmpty {
            let middle = range.lowerBound + (range.upperBound - range.lowerBound) / 2
            let value = try Data.fetchOne(
                self, sql: "SELECT value FROM \(table.rawValue) WHERE partition = ? AND \"offset\" = ?",
                arguments: [partition, middle])
            guard let value, let own = OutputOffset.read([UInt8](value)) else { return nil }
            range = own >= offset ? range.lowerBound..<middle : (middle + 1)..<range.upperBound
        }
        return range.lowerBound
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
