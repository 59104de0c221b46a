import FoundationEssentials
import GRDB
import Logging
import Synchronization

/// Moves the WAL's pages into the database file from a connection of its own, so that no append waits for it: a passive
/// checkpoint blocks neither readers nor the writer.
final class Checkpointer: Sendable {
    /// WAL size beyond which a passive checkpoint is due.
    private static let due_bytes = 8 << 20
    /// WAL size beyond which writers wait for a checkpoint that starts the WAL anew: passive ones have not kept up.
    private static let limit_bytes = 512 << 20

    private let path: String
    private let task: Task<Void, Never>

    init(path: String, bell: Bell, logger: Logger) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        let connection = try DatabaseQueue(path: path, configuration: configuration)
        self.path = path
        task = Task.detached(priority: .utility) {
            var heard: UInt64 = 0
            while !Task.isCancelled {
                await bell.wait(after: heard, timeout: .seconds(1))
                heard = bell.rings
                let size = Self.walBytes(path)
                guard size > Self.due_bytes else { continue }
                do {
                    try await connection.writeWithoutTransaction { database in
                        let mode = size > Self.limit_bytes ? "TRUNCATE" : "PASSIVE"
                        try database.execute(sql: "PRAGMA wal_checkpoint(\(mode))")
                    }
                } catch {
                    logger.warning("checkpoint of \(path) failed, the WAL grows until one succeeds: \(error)")
                }
                // The next look is due when there is something new to move.
                try? await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    private static func walBytes(_ path: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path + "-wal")
        return (attributes?[.size] as? UInt64).map { Int($0) } ?? 0
    }

    func stop() async {
        task.cancel()
        await task.value
    }
}
