public import EventLog
import FoundationEssentials
import GRDB
import LogDirectory
public import Logging

/// A data directory: the embedded log, its outputs, and whatever else a shop keeps there.
///
/// `DIR/events.sqlite` (one writer: the collector), `DIR/scores.sqlite` (one writer: scoring), `DIR/lock` (held by the
/// process that writes; says who that is), `DIR/failed` (only after the disk has failed, until a start has checked
/// everything).
public final class DataDirectory: Sendable {
    public let path: String
    public let log: EmbeddedLog
    public let outputs: EmbeddedOutputs
    private let events: DatabasePool
    private let scores: DatabasePool
    /// `nil` where everything is kept.
    private let retention: Retention?
    /// `nil` where the directory is open for reading only.
    private let writing: Writing?
    /// Of every partition.
    private let newestEvents: [NewestRecords]

    /// What only the process that writes has.
    private struct Writing {
        var lock: DirectoryLock
        var checkpointers: [Checkpointer]
        var eventsHealth: StorageHealth
        var scoresHealth: StorageHealth
        let eventBell = Bell()
        let outputBells = OutputBells()
        var now: @Sendable () -> Int64

        init(
            _ path: String, lock: DirectoryLock, events: DatabasePool, scores: DatabasePool, _ limits: EmbeddedLimits,
            _ logger: Logger, _ now: @escaping @Sendable () -> Int64
        ) throws {
            self.lock = lock
            self.now = now
            eventsHealth = StorageHealth(directory: path, file: Schema.events.name, logger: logger)
            scoresHealth = StorageHealth(directory: path, file: Schema.scores.name, logger: logger)
            checkpointers = [
                try Checkpointer(
                    path: path + "/" + Schema.events.name, pool: events, limits: limits, health: eventsHealth,
                    logger: logger),
                try Checkpointer(
                    path: path + "/" + Schema.scores.name, pool: scores, limits: limits, health: scoresHealth,
                    logger: logger),
            ]
        }
    }

    /// - Parameters:
    ///   - state: of the log, where it is written.
    private init(
        path: String, count: Int, events: DatabasePool, scores: DatabasePool, state: WriterState? = nil,
        limits: EmbeddedLimits = EmbeddedLimits(), retention: (settings: RetentionSettings, logger: Logger)? = nil,
        writing: Writing? = nil
    ) {
        self.path = path
        self.events = events
        self.scores = scores
        self.writing = writing
        var writer: EventWriter?
        newestEvents = (0..<count).map { _ in NewestRecords() }
        let newestOutputs = writing.map { _ in NewestOutputs(partitionCount: count) }
        if let state, let writing {
            writer = EventWriter(
                pool: events, state: state, limits: limits, lock: writing.lock, health: writing.eventsHealth,
                newest: newestEvents, committed: writing.eventBell)
        }
        if let writer, let writing, let retention, let newestOutputs {
            self.retention = Retention(
                events: events, scores: scores, writer: writer, scoresHealth: writing.scoresHealth,
                newestOutputs: newestOutputs, partitions: count, settings: retention.settings, logger: retention.logger,
                now: writing.now)
        } else {
            self.retention = nil
        }
        log = EmbeddedLog(pool: events, partitionCount: count, writer: writer, bell: writing?.eventBell)
        outputs = EmbeddedOutputs(
            pool: scores, partitionCount: count, bells: writing?.outputBells, newest: newestOutputs)
        self.retention?.start()
    }

    /// Removes at once what is older than is kept; gives how many events went.
    package func sweep() async throws(EventLogError) -> Int64 { try await retention?.sweep() ?? 0 }

    /// Opens a directory as its only writer; makes it where there is none.
    ///
    /// What a process that was killed left in the WAL is written anew first: after a failed fsync it may stand in the
    /// page cache alone. Where the disk has failed under the last process, every row is checked.
    ///
    /// - Parameters:
    ///   - partitions: of a new log, at least one; an existing one keeps its own.
    ///   - retention: what is kept; `nil`: everything.
    ///   - now: milliseconds since the epoch, for append times.
    /// - Throws: `.unusable`, naming the directory or file and what to do.
    public static func open(
        _ path: String, partitions: Int = 1, limits: EmbeddedLimits = EmbeddedLimits(),
        retention: RetentionSettings? = nil, logger: Logger, now: @escaping @Sendable () -> Int64
    ) async throws(EventLogError) -> DataDirectory {
        precondition(partitions > 0, "DataDirectory.open: \(partitions) partitions")
        let named = DirectoryLock.Named(path, kind: "data directory", setting: "--data")
        try makeDurableDirectory(named)
        let lock = try DirectoryLock(named)
        if Draft.isWaiting(in: path) {
            throw .unusable(
                "a repair of \(path) was cut short: finish it with `dinghy repair --truncate-tail --yes --data \(path)`"
            )
        }
        let events = try Schema.open(path, Schema.events, readOnly: false)
        let scores = try Schema.open(path, Schema.scores, readOnly: false)
        do {
            for pool in [events, scores] {
                try await pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(PASSIVE)") }
            }
            let count = try await events.write { try partitionCount($0, orNew: partitions) }
            if count != partitions {
                logger.notice("\(path) has \(count) partitions and keeps them; log.partitions says \(partitions)")
            }
            try await verify(path, StorageCheck(events: events, scores: scores, partitions: count), logger)
            let state = try await events.read {
                try WriterState($0, partitionCount: count, limits: limits, now: now)
            }
            return DataDirectory(
                path: path, count: count, events: events, scores: scores, state: state, limits: limits,
                retention: retention.map { ($0, logger) },
                writing: try Writing(path, lock: lock, events: events, scores: scores, limits, logger, now))
        } catch let error as EventLogError {
            throw error
        } catch {
            throw .unusable("the data directory \(path) cannot be opened: \(error)")
        }
    }

    /// Newest rows of each partition that every start checks.
    private static let checkedTail: Int64 = 1_000

    private static func verify(
        _ path: String, _ check: StorageCheck, _ logger: Logger
    ) async throws {
        var check = check
        let mark = FailureMark(directory: path)
        let failure = mark.reason
        if let failure { logger.warning("the disk failed under the last process, every row is checked: \(failure)") }
        let report = try await check.run(tail: failure == nil ? checkedTail : nil)
        if let first = report.findings.first {
            let place = [first.partition.map { "partition \($0)" }, first.offset.map { "offset \($0)" }]
                .compactMap { $0 }.joined(separator: ", ")
            throw EventLogError.unusable(
                "\(path)/\(first.file) is damaged\(place.isEmpty ? "" : " at " + place) (\(first.problem)), "
                    + "\(report.problems) problems in all: see `dinghy verify`, and docs/operations.md for what to do")
        }
        if failure != nil {
            logger.notice("\(report.events) events and \(report.scores) scores are sound: going on")
            try mark.clear()
        }
    }

    /// Looks at every row of both files, beside whoever writes them.
    ///
    /// - Parameter progress: records looked at and to look at.
    public func check(
        progress: @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) async throws(EventLogError) -> StorageCheck.Report {
        var check = StorageCheck(events: events, scores: scores, partitions: log.partitionCount)
        return try await check.run(progress: progress)
    }

    /// Opens a directory for reading, beside whoever writes it.
    public static func openReadOnly(_ path: String) async throws(EventLogError) -> DataDirectory {
        let events = try Schema.open(path, Schema.events, readOnly: true)
        let scores = try Schema.open(path, Schema.scores, readOnly: true)
        do {
            let count = try await events.read { try partitionCount($0, orNew: nil) }
            return DataDirectory(path: path, count: count, events: events, scores: scores)
        } catch {
            throw .unusable("the data directory \(path) cannot be read: \(error)")
        }
    }

    private static func partitionCount(_ database: Database, orNew partitions: Int?) throws -> Int {
        func checksum(_ count: Int) -> Int64 { Checksum.of("meta", ["partitions", "\(count)"]) }
        if let row = try Row.fetchOne(database, sql: "SELECT value, checksum FROM meta WHERE name = 'partitions'") {
            let count: Int = try row.decode(atIndex: 0)
            try database.check(try row.decode(atIndex: 1), checksum(count), "the number of partitions")
            return count
        }
        guard let partitions else { throw EventLogError.unusable("the log has no partitions yet") }
        try database.execute(
            sql: "INSERT INTO meta VALUES ('partitions', ?, ?)", arguments: [partitions, checksum(partitions)])
        return partitions
    }

    /// The scoring side, from the committed positions on. Only where the directory is open for writing.
    public func makeConsumer() -> EmbeddedConsumer {
        guard let writing else { preconditionFailure("DataDirectory.makeConsumer: open for reading only") }
        return EmbeddedConsumer(
            log: log, events: events, newestEvents: newestEvents, outputs: outputs, health: writing.scoresHealth,
            eventBell: writing.eventBell, outputBells: writing.outputBells, now: writing.now)
    }

    /// Says in the directory where the process that holds it can be reached.
    public func announce(url: String) throws(EventLogError) {
        guard let writing else { preconditionFailure("DataDirectory.announce: open for reading only") }
        try writing.lock.announce(url: url)
    }

    /// Why the last process that wrote a directory stopped, where no start has checked since; `nil` where all is well.
    public static func failure(of path: String) -> String? { FailureMark(directory: path).reason }

    /// The URL of the process that serves a directory; `nil` where none does.
    public static func servingURL(_ path: String) -> String? { DirectoryLock.holder(of: path)?.url }

    /// Commits what waits, moves the WAL into the files and gives the directory back. Whatever comes later throws
    /// `.closed`.
    public func close() async {
        await retention?.finish()
        await log.close()
        for newest in newestEvents { newest.clear() }
        outputs.newest?.clear()
        // SQLite removes the WAL with the last connection, if that is one that may write.
        events.invalidateReadOnlyConnections()
        scores.invalidateReadOnlyConnections()
        for checkpointer in writing?.checkpointers ?? [] { await checkpointer.finish() }
        for (pool, health) in [(events, writing?.eventsHealth), (scores, writing?.scoresHealth)] {
            if health?.stopped != nil {
                // SQLite moves the WAL into the file with the last connection; of this one nobody knows what it holds.
                // Kept open to the end of the process, it stays for the next start.
                _ = Unmanaged.passRetained(pool)
                continue
            }
            // A pool that is closed already refuses; there is nothing else that could be done about a failure.
            try? pool.close()
        }
        writing?.lock.release()
    }
}
