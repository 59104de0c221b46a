import EventLog
import FoundationEssentials
import GRDB
import GRDBSQLite
import Logging
import Metrics
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Whether one of the files may still be written.
///
/// After an fsync that failed nobody knows what is on the disk, and the next fsync may succeed without having written
/// it: Linux forgets pages that it could not write (https://wiki.postgresql.org/wiki/Fsync_Errors). So the first failure
/// of the disk ends all writing in this process, checkpoints included, and is noted in `DIR/failed`. The next start
/// writes anew whatever the WAL holds, checks everything, and only then goes on.
///
/// A full disk is no such failure: what is not written is known, and the next transaction may fit.
final class StorageHealth: Sendable {
    private let file: String
    private let path: String
    private let mark: FailureMark
    private let logger: Logger
    private let reason = Mutex<String?>(nil)
    private let gauge: Gauge

    /// - Parameter file: its name within the directory.
    init(directory: String, file: String, logger: Logger) {
        self.file = file
        path = directory + "/" + file
        mark = FailureMark(directory: directory)
        self.logger = logger
        gauge = Gauge(label: "dinghy_log_stopped", dimensions: [("file", file)])
        gauge.record(0)
    }

    /// Why nothing is written any more; `nil` while it is.
    var stopped: String? { reason.withLock { $0 } }

    /// Takes what SQLite reported of a write, and stops where it says that the disk has failed.
    ///
    /// - Parameter writer: whose write it was.
    func judge(_ error: any Error, _ doing: String, writer: any DatabaseWriter) async -> EventLogError {
        guard let failure = error as? DatabaseError, await isOfTheDisk(failure, writer) else {
            return EventLogError(error, doing)
        }
        return .stopped(stop("\(doing): \(failure)"))
    }

    /// The first reason stays.
    private func stop(_ cause: String) -> String {
        let (text, isFirst) = reason.withLock { reason in
            if let reason { return (reason, false) }
            let text =
                "\(file) is no longer written since its disk failed (\(cause)): check the disk, then restart, which "
                + "verifies what is there and goes on"
            reason = text
            return (text, true)
        }
        if isFirst {
            logger.critical("\(text)")
            gauge.record(1)
            do { try mark.set(text) } catch {
                logger.error("the failure could not be noted for the next start: \(error)")
            }
        }
        return text
    }

    /// Whether one of the files is as large as this process may make one (`setrlimit`): SQLite's cleaning up may have
    /// covered the number of that error.
    private var hasReachedLimit: Bool {
        var limit = rlimit()
        // Its type is another one on every C library.
        guard getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max else {
            return false
        }
        return ["", "-wal"].contains { suffix in
            var facts = stat()
            // A frame of the WAL is a page and its header.
            return stat(path + suffix, &facts) == 0 && UInt64(facts.st_size) + 8_192 > UInt64(limit.rlim_cur)
        }
    }

    private func isOfTheDisk(_ error: DatabaseError, _ writer: any DatabaseWriter) async -> Bool {
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return true
        case .SQLITE_IOERR:
            let code = error.extendedResultCode
            if code == .SQLITE_IOERR_FSYNC || code == .SQLITE_IOERR_DIR_FSYNC { return true }
            // SQLite calls only an ENOSPC of a write a full disk; others, a quota and a limit on files are as harmless.
            if hasReachedLimit { return false }
            let number = try? await writer.writeWithoutTransaction { sqlite3_system_errno($0.sqliteConnection) }
            return number != ENOSPC && number != EDQUOT && number != EFBIG
        default: return false
        }
    }
}

/// `DIR/failed`: the disk failed while this directory was written, and nothing has been verified since.
struct FailureMark {
    private let path: String

    init(directory: String) { path = directory + "/failed" }

    var reason: String? { try? String(contentsOfFile: path, encoding: .utf8) }

    func set(_ reason: String) throws { try (reason + "\n").write(toFile: path, atomically: false, encoding: .utf8) }

    func clear() throws {
        if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
    }
}
