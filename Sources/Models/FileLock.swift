#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A lock between processes (and within one) by `flock` on a file of its own; the system gives it back when the holder
/// dies, however it dies.
package final class FileLock: Sendable {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    /// Takes the lock; `nil` where somebody else holds it.
    package static func tryTake(_ path: String) throws(RegistryError) -> FileLock? { try take(path, LOCK_EX | LOCK_NB) }

    /// Takes the lock, waiting for whoever holds it.
    static func take(_ path: String) throws(RegistryError) -> FileLock {
        guard let lock = try take(path, LOCK_EX) else { throw Files.unwritable(path) }
        return lock
    }

    private static func take(_ path: String, _ operation: Int32) throws(RegistryError) -> FileLock? {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Files.unwritable(path) }
        while flock(descriptor, operation) != 0 {
            if errno == EINTR { continue }
            let reason = errno
            close(descriptor)
            if reason == EWOULDBLOCK { return nil }
            errno = reason
            throw Files.unwritable(path)
        }
        return FileLock(descriptor: descriptor)
    }

    deinit { close(descriptor) }
}
