import EventLog
import GRDB
import GRDBSQLite
import Logging
import Synchronization

/// Moves the WAL's pages into the database file from a connection of its own, so that no append waits for it.
///
/// SQLite tells after every commit how many pages the WAL holds. When it has grown by so many, a passive checkpoint
/// moves them, which blocks neither readers nor the writer. Under steady load that never ends with an empty WAL, which
/// would therefore grow: beyond a limit, once a passive checkpoint has moved nearly all, another moves the rest with
/// the writer held up, so that the WAL starts anew. Beyond four times that limit it is not waited for that anything is
/// nearly done: a writer that outruns all checkpoints waits. Where a checkpoint moves nothing, somebody keeps a
/// transaction open for reading; then the WAL grows, and nobody is held up for nothing.
final class Checkpointer: Sendable {
    /// How long the writer may be held up where a reader keeps the WAL from starting anew.
    private static let patience_s = 0.25
    /// Passive checkpoints, at most, right before one that holds the writer up.
    private static let rounds = 4

    private let path: String
    private let pool: DatabasePool
    private let connection: DatabaseQueue
    private let size: WALSize
    private let limits: EmbeddedLimits
    private let health: StorageHealth
    private let logger: Logger
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// - Parameter pool: whose writer fills the WAL.
    init(path: String, pool: DatabasePool, limits: EmbeddedLimits, health: StorageHealth, logger: Logger) throws {
        self.path = path
        self.pool = pool
        self.limits = limits
        self.health = health
        self.logger = logger
        var configuration = Configuration()
        configuration.busyMode = .timeout(Self.patience_s)
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        connection = try DatabaseQueue(path: path, configuration: configuration)
        let (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        size = WALSize(due: limits.checkpointPages, signal: signal)
        pool.writeWithoutTransaction { [size] in size.watch($0) }
        task.withLock { task in
            task = Task.detached(priority: .utility) { [self] in
                var moved = 0
                for await _ in signals { await checkpoint(&moved) }
            }
        }
    }

    /// - Parameter moved: how many pages the last one had moved; how many this one has.
    private func checkpoint(_ moved: inout Int) async {
        if health.stopped != nil { return }
        do {
            let passive = try await run("PASSIVE")
            FaultPoint.checkpoint.pass()
            size.looked(at: passive.pages)
            let isNearlyDone = passive.pages - passive.moved < limits.checkpointPages
            let isOutrun = passive.pages >= 4 * limits.walPages && passive.moved != moved
            moved = passive.moved
            guard passive.pages >= limits.walPages, isNearlyDone || isOutrun else { return }
            // The writer is held up for what is left: as little of it as a few more rounds can leave.
            var last = passive
            for _ in 0..<Self.rounds where last.pages - last.moved > limits.checkpointPages / 16 {
                last = try await run("PASSIVE")
            }
            _ = try await run("RESTART")
        } catch {
            let failure = await health.judge(error, "checkpoint of \(path) failed", writer: connection)
            logger.warning("\(failure); its WAL grows until one succeeds")
        }
    }

    /// The pages in the WAL, and how many of them are in the database file now.
    private func run(_ mode: String) async throws -> (pages: Int, moved: Int) {
        try await connection.writeWithoutTransaction { database in
            // One row: busy, pages in the WAL, pages moved.
            let row = try Row.fetchOne(database, sql: "PRAGMA wal_checkpoint(\(mode))")
            return row.map { ($0[1], $0[2]) } ?? (0, 0)
        }
    }

    /// Moves what is left and ends; once, after the last commit. After a failure of the disk it moves nothing: what the
    /// WAL holds is for the next start to verify.
    func finish() async {
        let running = task.withLock { task in
            defer { task = nil }
            return task
        }
        guard let running else { return }
        size.signal.finish()
        await running.value
        do {
            try await pool.writeWithoutTransaction { [size] in size.ignore($0) }
            if health.stopped != nil { return }
            // What stays in the WAL, because somebody reads, is found there at the next start.
            _ = try await run("TRUNCATE")
            try connection.close()
        } catch {
            logger.warning("the last checkpoint of \(path) failed, the next start reads its WAL: \(error)")
        }
    }
}

/// How far the WAL has grown since it was last looked at, as its writer's connection reports.
private final class WALSize: Sendable {
    let signal: AsyncStream<Void>.Continuation
    private let due: Int
    /// Pages of the present WAL at the last look.
    private let seen = Atomic(0)

    init(due: Int, signal: AsyncStream<Void>.Continuation) {
        self.due = due
        self.signal = signal
    }

    func looked(at pages: Int) { seen.store(pages, ordering: .relaxed) }

    /// Listens to a connection's commits.
    func watch(_ database: Database) {
        sqlite3_wal_hook(
            database.sqliteConnection,
            { context, _, _, pages in
                guard let context else { return SQLITE_OK }
                Unmanaged<WALSize>.fromOpaque(context).takeUnretainedValue().holds(Int(pages))
                return SQLITE_OK
            }, Unmanaged.passRetained(self).toOpaque())
    }

    /// Takes back what `watch` gave the connection.
    func ignore(_ database: Database) {
        guard let context = sqlite3_wal_hook(database.sqliteConnection, nil, nil) else { return }
        Unmanaged<WALSize>.fromOpaque(context).release()
    }

    private func holds(_ pages: Int) {
        var seen = seen.load(ordering: .relaxed)
        if pages < seen {
            // The WAL has started anew.
            seen = 0
            self.seen.store(0, ordering: .relaxed)
        }
        if pages - seen >= due { signal.yield() }
    }
}
