#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Files as the registry needs them: whole or not there, and on the disk before anyone is told.
enum Files {
    /// The whole of a file, `nil` where there is none.
    ///
    /// - Parameter maxBytes: a larger file is refused instead of read.
    static func contents(of path: String, maxBytes: Int) throws(RegistryError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw unreadable(path)
        }
        defer { close(descriptor) }
        let size = try size(of: descriptor, path)
        guard size <= maxBytes else {
            throw .unreadable(file: path, reason: "its \(size) bytes are more than the \(maxBytes) it may have")
        }
        var bytes = [UInt8](repeating: 0, count: size)
        var filled = 0
        while filled < size {
            let count = bytes.withUnsafeMutableBytes {
                read(descriptor, $0.baseAddress?.advanced(by: filled), size - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(path) }
            if count == 0 { break }
            filled += count
        }
        bytes.removeLast(size - filled)
        return bytes
    }

    /// A new file that appears whole, under a name that nothing has yet.
    static func create(_ path: String, _ bytes: [UInt8]) throws(RegistryError) {
        let draft = path + ".new"
        try fill(draft, bytes)
        defer { unlink(draft) }
        // Unlike a rename, a link never takes the place of a file that is there.
        guard link(draft, path) == 0 else { throw unwritable(path) }
        try syncDirectory(of: path)
    }

    /// Replaces a file, or makes it: whoever reads sees the old or the new content, whole.
    static func replace(_ path: String, _ bytes: [UInt8]) throws(RegistryError) {
        let draft = path + ".new"
        try fill(draft, bytes)
        guard rename(draft, path) == 0 else { throw unwritable(path) }
        try syncDirectory(of: path)
    }

    /// Adds a line to a file of lines. A last line without an end, which a crash left half written, is cut off first.
    static func append(line: [UInt8], to path: String) throws(RegistryError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw unwritable(path) }
        defer { close(descriptor) }
        var end = try size(of: descriptor, path)
        var byte: UInt8 = 0
        while end > 0, pread(descriptor, &byte, 1, end - 1) == 1, byte != UInt8(ascii: "\n") { end -= 1 }
        guard ftruncate(descriptor, end) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
            throw unwritable(path)
        }
        try put(line + [UInt8(ascii: "\n")], into: descriptor, path)
        if end == 0 { try syncDirectory(of: path) }
    }

    /// The names in a directory; none where it does not exist.
    static func names(in directory: String) throws(RegistryError) -> [String] {
        guard let stream = opendir(directory) else {
            if errno == ENOENT { return [] }
            throw unreadable(directory)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names
    }

    /// Makes a directory, and those above it, where there is none.
    static func makeDirectory(_ path: String) throws(RegistryError) {
        if mkdir(path, 0o755) != 0 {
            if errno == EEXIST { return }
            guard errno == ENOENT, directory(of: path) != path else { throw unwritable(path) }
            try makeDirectory(directory(of: path))
            guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw unwritable(path) }
        }
        try syncDirectory(of: path)
    }

    private static func fill(_ path: String, _ bytes: [UInt8]) throws(RegistryError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw unwritable(path) }
        defer { close(descriptor) }
        try put(bytes, into: descriptor, path)
    }

    private static func put(_ bytes: [UInt8], into descriptor: Int32, _ path: String) throws(RegistryError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw unwritable(path) }
            rest.removeFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw unwritable(path) }
    }

    /// A name is durable when its directory is.
    private static func syncDirectory(of path: String) throws(RegistryError) {
        let directory = directory(of: path)
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unwritable(directory) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw unwritable(directory) }
    }

    private static func directory(of path: String) -> String {
        path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    }

    private static func size(of descriptor: Int32, _ path: String) throws(RegistryError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(path) }
        return Int(status.st_size)
    }

    static func unwritable(_ path: String) -> RegistryError {
        .unwritable(file: path, reason: String(cString: strerror(errno)))
    }

    private static func unreadable(_ path: String) -> RegistryError {
        .unreadable(file: path, reason: String(cString: strerror(errno)))
    }
}
