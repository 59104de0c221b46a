import SystemPackage

/// The bytes of the input, to be read twice: the first time from beginning to end, and once more from the beginning,
/// as far as that is asked for. What cannot be read twice (a pipe) is copied aside the first time.
final class InputBytes {
    /// What messages call it.
    let name: String
    /// `nil` where only the end will tell.
    let size: Int64?
    private(set) var digest = ContentDigest()
    private(set) var position: Int64 = 0
    private let descriptor: FileDescriptor
    private let isOwned: Bool
    /// The offset of the input's first byte.
    private let start: Int64
    private let copy: TemporaryFile?
    private var isCopying = true

    private static let chunk_bytes = 256 << 10

    init(_ input: ReplayInput, files: TemporaryFiles) throws(ReplayError) {
        switch input {
        case .file(let path):
            name = path
            isOwned = true
            do {
                descriptor = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
            } catch {
                throw .unreadable(file: path, reason: "\(error)")
            }
        case .standardInput:
            name = "standard input"
            isOwned = false
            descriptor = .standardInput
        }
        // A pipe cannot be sought in.
        if let start = try? descriptor.seek(offset: 0, from: .current),
            let end = try? descriptor.seek(offset: 0, from: .end),
            (try? descriptor.seek(offset: start, from: .start)) != nil
        {
            self.start = start
            // Files without a length of their own, as below /proc, say 0.
            size = end > start ? end - start : nil
            copy = nil
        } else {
            start = 0
            size = nil
            do { copy = try files.make() } catch {
                if isOwned { try? descriptor.close() }
                throw error
            }
        }
    }

    deinit { if isOwned { try? descriptor.close() } }

    /// The next bytes; empty at the end.
    func next() throws(ReplayError) -> [UInt8] {
        let chunk: [UInt8]
        do {
            chunk = try [UInt8](unsafeUninitializedCapacity: Self.chunk_bytes) { buffer, count in
                count = try descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))
            }
        } catch {
            throw .unreadable(file: name, reason: "\(error)")
        }
        position += Int64(chunk.count)
        digest.update(chunk)
        if isCopying, let copy { try copy.append(chunk.span.bytes) }
        return chunk
    }

    /// What has been read so far is all that will be read again.
    func endCopy() { isCopying = false }

    /// The input's bytes from an offset on, once more; empty at the end.
    func again(at offset: Int64) throws(ReplayError) -> [UInt8] {
        if let copy { return try copy.read(at: offset, upTo: Self.chunk_bytes) }
        do {
            return try [UInt8](unsafeUninitializedCapacity: Self.chunk_bytes) { buffer, count in
                count = try descriptor.read(
                    fromAbsoluteOffset: start + offset, into: UnsafeMutableRawBufferPointer(buffer))
            }
        } catch {
            throw .unreadable(file: name, reason: "\(error)")
        }
    }
}

extension ContentDigest {
    mutating func update(_ chunk: [UInt8]) {
        chunk.withUnsafeBytes { update($0) }
    }
}
