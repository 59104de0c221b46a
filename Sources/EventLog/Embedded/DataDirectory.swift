public import EventLog
import FoundationEssentials
import GRDB
import LogDirectory
public import Logging

/// A data directory: the embedded log, its outputs, and whatever else a shop keeps there.
///
/// `DIR/events.sqlite` (one writer: the collector), `DIR/scores.sqlite` (one writer: scoring), `DIR/lock` (held by the
/// process that writes; says who that is).
public final class DataDirectory: Sendable {
    public let path: String
    public let log: EmbeddedLog
    public let outputs: EmbeddedOutputs
    private let events: DatabasePool
    private let scores: DatabasePool
    /// `nil` where the directory is open for reading only.
    private let writing: Writing?

    /// What only the process that writes has.
    private struct Writing {
        var lock: DirectoryLock
        var checkpointers: [Checkpointer]
        var eventBell: Bell
        var outputBell: Bell
        var now: @Sendable () -> Int64
    }

    private init(
        path: String, log: EmbeddedLog, outputs: EmbeddedOutputs, events: DatabasePool, scores: DatabasePool,
        writing: Writing?
    ) {
        self.path = path
        self.log = log
        self.outputs = outputs
        self.events = events
        self.scores = scores
        self.writing = writing
    }

    /// Opens a directory as its only writer; makes it where there is none.
    ///
    /// - Parameters:
    ///   - partitions: of a new log, at least one; an existing one keeps its own.
    ///   - now: milliseconds since the epoch, for append times.
    /// - Throws: `.unusable`, naming the directory or file and what to do.
    public static func open(
        _ path: String, partitions: Int = 1, limits: EmbeddedLimits = EmbeddedLimits(), logger: Logger,
        now: @escaping @Sendable () -> Int64
    ) async throws(EventLogError) -> DataDirectory {
        precondition(partitions > 0, "DataDirectory.open: \(partitions) partitions")
        let named = DirectoryLock.Named(path, kind: "data directory", setting: "--data")
        try makeDurableDirectory(named)
        let lock = try DirectoryLock(named)
        let eventsPath = path + "/events.sqlite"
        let scoresPath = path + "/scores.sqlite"
        let events = try Schema.open(eventsPath, tables: Schema.events, readOnly: false)
        let scores = try Schema.open(scoresPath, tables: Schema.scores, readOnly: false)
        do {
            let (count, state) = try await events.write { database in
                let count = try partitionCount(database, orNew: partitions)
                return (count, try WriterState(database, partitionCount: count, limits: limits, now: now))
            }
            if count != partitions {
                logger.notice("\(path) has \(count) partitions and keeps them; log.partitions says \(partitions)")
            }
            let writing = Writing(
                lock: lock,
                checkpointers: [
                    try Checkpointer(path: eventsPath, pool: events, limits: limits, logger: logger),
                    try Checkpointer(path: scoresPath, pool: scores, limits: limits, logger: logger),
                ],
                eventBell: Bell(), outputBell: Bell(), now: now)
            let writer = EventWriter(
                pool: events, state: state, limits: limits, lock: lock, committed: writing.eventBell)
            return DataDirectory(
                path: path,
                log: EmbeddedLog(pool: events, partitionCount: count, writer: writer, bell: writing.eventBell),
                outputs: EmbeddedOutputs(pool: scores, partitionCount: count, bell: writing.outputBell),
                events: events, scores: scores, writing: writing)
        } catch {
            throw .unusable("the data directory \(path) cannot be opened: \(error)")
        }
    }

    /// Opens a directory for reading, beside whoever writes it.
    public static func openReadOnly(_ path: String) async throws(EventLogError) -> DataDirectory {
        let events = try Schema.open(path + "/events.sqlite", tables: Schema.events, readOnly: true)
        let scores = try Schema.open(path + "/scores.sqlite", tables: Schema.scores, readOnly: true)
        do {
            let count = try await events.read { try partitionCount($0, orNew: nil) }
            return DataDirectory(
                path: path, log: EmbeddedLog(pool: events, partitionCount: count, writer: nil, bell: nil),
                outputs: EmbeddedOutputs(pool: scores, partitionCount: count, bell: nil), events: events,
                scores: scores, writing: nil)
        } catch {
            throw .unusable("the data directory \(path) cannot be read: \(error)")
        }
    }

    private static func partitionCount(_ database: Database, orNew partitions: Int?) throws -> Int {
        if let count = try Int.fetchOne(database, sql: "SELECT value FROM meta WHERE name = 'partitions'") {
            return count
        }
        guard let partitions else { throw EventLogError.unusable("the log has no partitions yet") }
        try database.execute(sql: "INSERT INTO meta VALUES ('partitions', ?)", arguments: [partitions])
        return partitions
    }

    /// The scoring side, from the committed positions on. Only where the directory is open for writing.
    public func makeConsumer() -> EmbeddedConsumer {
        guard let writing else { preconditionFailure("DataDirectory.makeConsumer: open for reading only") }
        return EmbeddedConsumer(
            log: log, events: events, outputs: outputs, eventBell: writing.eventBell, outputBell: writing.outputBell,
            now: writing.now)
    }

    /// Says in the directory where the process that holds it can be reached.
    public func announce(url: String) throws(EventLogError) {
        guard let writing else { preconditionFailure("DataDirectory.announce: open for reading only") }
        try writing.lock.announce(url: url)
    }

    /// The URL of the process that serves a directory; `nil` where none does.
    public static func servingURL(_ path: String) -> String? { DirectoryLock.holder(of: path)?.url }

    /// Commits what waits, moves the WAL into the files and gives the directory back. Whatever comes later throws
    /// `.closed`.
    public func close() async {
        await log.close()
        // SQLite removes the WAL with the last connection, if that is one that may write.
        events.invalidateReadOnlyConnections()
        scores.invalidateReadOnlyConnections()
        for checkpointer in writing?.checkpointers ?? [] { await checkpointer.finish() }
        // A pool that is closed already refuses; there is nothing else that could be done about a failure.
        try? events.close()
        try? scores.close()
        writing?.lock.release()
    }
}
