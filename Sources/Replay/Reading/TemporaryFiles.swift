import FoundationEssentials
package import SystemPackage

/// Makes the files that sorting needs. A file loses its name as soon as it is open, so that nothing is left to remove,
/// also after a `kill -9`; its space is given back when it is closed.
package struct TemporaryFiles: Sendable {
    package let directory: String
    private let open: @Sendable (_ directory: String) throws -> FileDescriptor

    package init(directory: String) {
        self.init(directory: directory, open: Self.openNameless)
    }

    package init(directory: String, open: @escaping @Sendable (_ directory: String) throws -> FileDescriptor) {
        self.directory = directory
        self.open = open
    }

    func make() throws(ReplayError) -> TemporaryFile {
        do { return TemporaryFile(descriptor: try open(directory), directory: directory) } catch {
            throw .temporary(directory: directory, reason: "\(error)")
        }
    }

    private static func openNameless(_ directory: String) throws -> FileDescriptor {
        let path = directory + "/dinghy-replay-" + String(UInt64.random(in: 0 ... .max), radix: 16)
        let file = try FileDescriptor.open(
            FilePath(path), .readWrite, options: [.create, .exclusiveCreate, .closeOnExec],
            permissions: .ownerReadWrite)
        do { try FileManager.default.removeItem(atPath: path) } catch {
            try? file.close()
            throw error
        }
        return file
    }
}

/// A file that is written once from the start, then read.
final class TemporaryFile {
    private let descriptor: FileDescriptor
    private let directory: String
    private(set) var count: Int64 = 0

    fileprivate init(descriptor: FileDescriptor, directory: String) {
        self.descriptor = descriptor
        self.directory = directory
    }

    deinit { try? descriptor.close() }

    func append(_ bytes: RawSpan) throws(ReplayError) {
        do {
            count += Int64(try bytes.withUnsafeBytes { bytes in try descriptor.writeAll(bytes) })
        } catch {
            throw .temporary(directory: directory, reason: "\(error)")
        }
    }

    /// At most `limit` bytes from an offset on; empty at the end.
    func read(at offset: Int64, upTo limit: Int) throws(ReplayError) -> [UInt8] {
        do {
            return try [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
                count = try descriptor.read(fromAbsoluteOffset: offset, into: UnsafeMutableRawBufferPointer(buffer))
            }
        } catch {
            throw .temporary(directory: directory, reason: "\(error)")
        }
    }

    var truncated: ReplayError {
        .temporary(directory: directory, reason: "a file there ends in the middle of a row")
    }
}
