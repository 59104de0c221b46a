#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An open file of the spool: bytes at places, and fsync. Closed when it is let go.
final class SpoolFile {
    let path: String
    private let descriptor: Int32

    init(_ path: String, _ flags: Int32) throws(SpoolFailure) {
        self.path = path
        descriptor = open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SpoolFailure("\(path) cannot be opened") }
    }

    deinit { close(descriptor) }

    func write(_ bytes: [UInt8], at offset: Int) throws(SpoolFailure) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                pwrite(descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(offset + written))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SpoolFailure("\(path) cannot be written") }
            written += count
        }
    }

    /// Fewer bytes than asked for where the file ends.
    func read(_ count: Int, at offset: Int) throws(SpoolFailure) -> [UInt8] {
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = pread(descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset + filled))
                if got < 0, errno == EINTR { continue }
                failed = got < 0
                guard got > 0 else { return }
                filled += got
            }
        }
        guard !failed else { throw SpoolFailure("\(path) cannot be read") }
        return bytes
    }

    /// What was written, and the file's size, survive a power cut.
    func sync() throws(SpoolFailure) {
        guard fsync(descriptor) == 0 else { throw SpoolFailure("\(path) cannot be made durable") }
    }

    func cut(to size: Int) throws(SpoolFailure) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw SpoolFailure("\(path) cannot be cut") }
    }

    func size() throws(SpoolFailure) -> Int {
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { throw SpoolFailure("\(path) cannot be looked at") }
        return Int(facts.st_size)
    }

    /// The names in a directory survive a power cut.
    static func sync(directory: String) throws(SpoolFailure) {
        try SpoolFile(directory, O_RDONLY | O_DIRECTORY).sync()
    }
}
