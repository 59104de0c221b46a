import EventLog
import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The lock that makes one process the only writer of a data directory. The kernel frees it when the process ends,
/// however it ends.
final class DirectoryLock: Sendable {
    private let descriptor: Int32

    /// - Throws: `.unusable` where another process holds it (naming it as far as it has said who it is), or where the
    ///   directory cannot be written.
    init(directory: String) throws(EventLogError) {
        let path = directory + "/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw .unusable(
                "the data directory \(directory) cannot be written (\(String(cString: strerror(errno)))): "
                    + "choose another with --data, or give this user the right to write there")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            let holder = Announcement.read(directory).map { " by process \($0.pid) at \($0.url)" } ?? ""
            throw .unusable(
                "the data directory \(directory) is in use\(holder): stop that process, talk to it with --url, or choose "
                    + "another directory with --data")
        }
    }

    deinit { close(descriptor) }

    /// Whether some process holds the lock of a directory.
    static func isHeld(directory: String) -> Bool {
        let descriptor = open(directory + "/lock", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_SH | LOCK_NB) == 0 else { return true }
        flock(descriptor, LOCK_UN)
        return false
    }
}

/// Who serves a directory, said in `serve.json` for other commands to find.
struct Announcement: Codable {
    var pid: Int32
    var url: String

    static func read(_ directory: String) -> Announcement? {
        guard let data = try? Data(contentsOf: URL(filePath: directory + "/serve.json")) else { return nil }
        return try? JSONDecoder().decode(Announcement.self, from: data)
    }
}
