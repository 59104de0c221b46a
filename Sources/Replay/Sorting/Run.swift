/// Sorted rows in a temporary file.
struct Run {
    let file: TemporaryFile
    let rows: Int
    /// 0 for a run that came out of memory, one more than its parts for a merged one.
    let level: Int
}

/// Writes a run block by block.
final class RunWriter {
    private let file: TemporaryFile
    private let block: UnsafeMutableRawBufferPointer
    private var used = 0
    private var rows = 0

    init(_ file: TemporaryFile, block_bytes: Int) {
        self.file = file
        block = .allocate(byteCount: block_bytes, alignment: 16)
    }

    deinit { block.deallocate() }

    func append(_ row: TimedRow) throws(ReplayError) {
        let size = RowCodec.size(of: row)
        try makeRoom(size)
        RowCodec.encode(row, to: place(size))
    }

    func append(encoded row: UnsafeRawBufferPointer) throws(ReplayError) {
        guard let start = row.baseAddress else { return }
        try makeRoom(row.count)
        place(row.count).copyMemory(from: start, byteCount: row.count)
    }

    func finish(level: Int) throws(ReplayError) -> Run {
        try flush()
        return Run(file: file, rows: rows, level: level)
    }

    private func makeRoom(_ size: Int) throws(ReplayError) {
        precondition(size <= block.count, "RunWriter.append: a row of \(size) bytes in a block of \(block.count)")
        if used + size > block.count { try flush() }
    }

    private func place(_ size: Int) -> UnsafeMutableRawPointer {
        guard let base = block.baseAddress else { preconditionFailure("RunWriter: no memory") }
        defer {
            used += size
            rows += 1
        }
        return base + used
    }

    private func flush() throws(ReplayError) {
        try file.append(block.bytes.extracting(..<used))
        used = 0
    }
}

/// The rows of a run, from a file or straight from memory, read block by block.
final class RunRows: RowSource {
    private let read: () throws(ReplayError) -> [UInt8]
    private let truncated: ReplayError?
    private var block: [UInt8] = []
    private var at = 0

    init(_ run: Run, block_bytes: Int) {
        let file = run.file
        var offset: Int64 = 0
        truncated = file.truncated
        read = { () throws(ReplayError) in
            let block = try file.read(at: offset, upTo: block_bytes)
            offset += Int64(block.count)
            return block
        }
    }

    /// The rows of a sorted buffer, which must not change meanwhile.
    init(_ buffer: RunBuffer, block_bytes: Int) {
        var index = 0
        truncated = nil
        read = { () throws(ReplayError) in
            var block: [UInt8] = []
            block.reserveCapacity(block_bytes)
            while index < buffer.count, block.count < block_bytes {
                block.append(contentsOf: buffer[index])
                index += 1
            }
            return block
        }
    }

    func next() throws(ReplayError) -> TimedRow? {
        while true {
            if let row = RowCodec.decode(block, at: &at) { return row }
            let more = try read()
            if more.isEmpty {
                if at < block.count, let truncated { throw truncated }
                return nil
            }
            block = at == block.count ? more : Array(block[at...]) + more
            at = 0
        }
    }
}
