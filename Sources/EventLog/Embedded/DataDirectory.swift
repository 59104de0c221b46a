public import EventLog
import FoundationEssentials
import GRDB
public import Logging

/// A data directory: the embedded log, its outputs, and whatever else a shop keeps there.
///
/// `DIR/events.sqlite` (one writer: the collector), `DIR/scores.sqlite` (one writer: scoring), `DIR/lock` (held by the
/// process that writes), `DIR/serve.json` (who that is).
public final class DataDirectory: Sendable {
    public let path: String
    public let log: EmbeddedLog
    public let outputs: EmbeddedOutputs
    private let consumer: EmbeddedConsumer?
    private let lock: DirectoryLock?
    private let checkpointers: [Checkpointer]
    private let pools: [DatabasePool]

    private init(
        path: String, log: EmbeddedLog, outputs: EmbeddedOutputs, consumer: EmbeddedConsumer?, lock: DirectoryLock?,
        checkpointers: [Checkpointer], pools: [DatabasePool]
    ) {
        self.path = path
        self.log = log
        self.outputs = outputs
        self.consumer = consumer
        self.lock = lock
        self.checkpointers = checkpointers
        self.pools = pools
    }

    /// Opens a directory as its only writer; makes it where there is none.
    ///
    /// - Parameters:
    ///   - partitions: of a new log; an existing one keeps its own.
    ///   - now: milliseconds since the epoch, for append times.
    /// - Throws: `.unusable`, naming the directory or file and what to do.
    public static func open(
        _ path: String, partitions: Int = 1, logger: Logger, now: @escaping @Sendable () -> Int64
    ) async throws(EventLogError) -> DataDirectory {
        do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
            throw .unusable("the data directory \(path) cannot be made: \(error)")
        }
        let lock = try DirectoryLock(directory: path)
        let events = try Schema.open(path + "/events.sqlite", tables: Schema.events, readOnly: false)
        let scores = try Schema.open(path + "/scores.sqlite", tables: Schema.scores, readOnly: false)
        let eventBell = Bell()
        let outputBell = Bell()
        do {
            let (count, state) = try await events.write { database in
                let count = try partitionCount(database, orNew: partitions)
                return (count, try WriterState(database, partitionCount: count, now: now))
            }
            if count != partitions {
                logger.notice("\(path) has \(count) partitions and keeps them; log.partitions says \(partitions)")
            }
            let writer = EventWriter(pool: events, state: state) { eventBell.ring() }
            let log = EmbeddedLog(pool: events, partitionCount: count, writer: writer, bell: eventBell)
            let outputs = EmbeddedOutputs(partitionCount: count, pool: scores, bell: outputBell)
            let consumer = EmbeddedConsumer(
                log: log, events: events, outputs: outputs, eventBell: eventBell, outputBell: outputBell, now: now)
            return DataDirectory(
                path: path, log: log, outputs: outputs, consumer: consumer, lock: lock,
                checkpointers: [
                    try Checkpointer(path: path + "/events.sqlite", bell: eventBell, logger: logger),
                    try Checkpointer(path: path + "/scores.sqlite", bell: outputBell, logger: logger),
                ],
                pools: [events, scores])
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
                outputs: EmbeddedOutputs(partitionCount: count, pool: scores, bell: nil), consumer: nil, lock: nil,
                checkpointers: [], pools: [events, scores])
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

    /// The scoring side. Only where the directory is open for writing.
    public func makeConsumer() -> EmbeddedConsumer {
        guard let consumer else { preconditionFailure("DataDirectory.makeConsumer: open for reading only") }
        return consumer
    }

    /// Says in the directory where the process that holds it can be reached.
    public func announce(url: String) throws(EventLogError) {
        do {
            let announcement = Announcement(pid: ProcessInfo.processInfo.processIdentifier, url: url)
            try JSONEncoder().encode(announcement).write(to: URL(filePath: path + "/serve.json"), options: .atomic)
        } catch {
            throw .unusable("\(path)/serve.json cannot be written: \(error)")
        }
    }

    /// The URL of the process that serves a directory; `nil` where none does.
    public static func servingURL(_ path: String) -> String? {
        DirectoryLock.isHeld(directory: path) ? Announcement.read(path)?.url : nil
    }

    /// Commits what waits, moves the WAL into the files and gives the directory back.
    public func close() async {
        await log.close()
        for checkpointer in checkpointers { await checkpointer.stop() }
        guard lock != nil else { return }
        for pool in pools {
            // What stays in the WAL is read at the next start.
            _ = try? await pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        }
        try? FileManager.default.removeItem(atPath: path + "/serve.json")
    }
}
