package import EventLog
import FoundationEssentials
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The lock that makes one process the only writer of a directory: `DIR/lock`, in which its holder says who it
/// is. The kernel frees it when the process ends, however it ends.
///
/// An open file description lock (`fcntl_locking(2)`): unlike `flock` it can be asked for without being taken, so
/// that a command that looks whether a directory is served never gets in the way of one that begins to serve it.
package final class DirectoryLock: Sendable {
    /// Who holds a directory.
    package struct Holder: Codable, Sendable {
        package var pid: Int32
        /// Where it can be talked to, once it can.
        package var url: String?
    }

    /// A directory as those who are refused know it.
    package struct Named: Sendable {
        package var path: String
        /// `data directory`
        package var kind: String
        /// How another one is chosen: `--data`.
        package var setting: String

        package init(_ path: String, kind: String, setting: String) {
            self.path = path
            self.kind = kind
            self.setting = setting
        }

        package var description: String { "the \(kind) \(path)" }
    }

    private let directory: String
    private let descriptor: Mutex<Int32?>

    /// - Throws: `.unusable` where another process holds it, naming that, or where the directory cannot be written.
    package init(_ named: Named) throws(EventLogError) {
        let directory = named.path
        self.directory = directory
        let opened = open(directory + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard opened >= 0 else {
            throw .unusable(
                "\(named.description) cannot be written (\(String(cString: strerror(errno)))): "
                    + "choose another with \(named.setting), or give this user the right to write there")
        }
        var wanted = Self.wholeFile(F_WRLCK)
        guard fcntl(opened, Self.setLock, &wanted) == 0 else {
            let reason = errno
            close(opened)
            guard reason == EAGAIN || reason == EACCES else {
                throw .unusable(
                    "\(named.description) cannot be locked (\(String(cString: strerror(reason)))): "
                        + "use a local file system")
            }
            let holder = Self.said(in: directory)
            let process = holder.map { " by process \($0.pid)" } ?? ""
            let url = (holder?.url).map { " at \($0)" } ?? ""
            throw .unusable(
                "\(named.description) is in use\(process)\(url): stop that process, talk to it with --url, "
                    + "or choose another directory with \(named.setting)")
        }
        // Only now: from here on `deinit` runs where this throws, and releases what is held.
        descriptor = Mutex(opened)
        try announce(url: nil)
    }

    deinit { release() }

    /// Says in the lock who holds it.
    package func announce(url: String?) throws(EventLogError) {
        let written = descriptor.withLock { descriptor -> Bool in
            guard let descriptor, let text = try? JSONEncoder().encode(Holder(pid: getpid(), url: url)) else {
                return false
            }
            return ftruncate(descriptor, 0) == 0
                && text.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) } == text.count
        }
        guard written else {
            throw .unusable("\(directory)/lock cannot be written (\(String(cString: strerror(errno))))")
        }
    }

    /// Gives the directory to whoever comes next.
    package func release() {
        descriptor.withLock { descriptor in
            guard let held = descriptor else { return }
            ftruncate(held, 0)
            close(held)
            descriptor = nil
        }
    }

    /// Who holds a directory's lock; `nil` where nobody does.
    package static func holder(of directory: String) -> Holder? {
        let descriptor = open(directory + "/lock", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var asked = wholeFile(F_WRLCK)
        guard fcntl(descriptor, getLock, &asked) == 0, asked.l_type != F_UNLCK else { return nil }
        return said(in: directory)
    }

    /// What stands in the lock: left by a process that was killed, unless the lock is held.
    private static func said(in directory: String) -> Holder? {
        guard let data = try? Data(contentsOf: URL(filePath: directory + "/lock")) else { return nil }
        return try? JSONDecoder().decode(Holder.self, from: data)
    }

    private static func wholeFile(_ type: Int32) -> flock {
        flock(l_type: Int16(type), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
    }

    /// `F_OFD_GETLK` and `F_OFD_SETLK` of `<fcntl.h>`, which hides them from Swift.
    private static let getLock: Int32 = 36
    private static let setLock: Int32 = 37
}
