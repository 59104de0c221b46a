/// Rows as bytes, in memory and in temporary files of this very process: time, line, the length of the record and of
/// its flaw, then flaw and record.
enum RowCodec {
    static let headerBytes = 24

    static func size(of row: TimedRow) -> Int {
        headerBytes + row.bytes.count + (row.flaw?.utf8.count ?? 0)
    }

    /// The size of the encoded row that begins here.
    @inline(__always)
    static func size(at address: UnsafeRawPointer) -> Int {
        let record = address.loadUnaligned(fromByteOffset: 16, as: UInt32.self)
        let flaw = address.loadUnaligned(fromByteOffset: 20, as: UInt32.self)
        return headerBytes + Int(record) + Int(flaw)
    }

    /// Writes a row to memory that has `size(of:)` bytes.
    static func encode(_ row: TimedRow, to address: UnsafeMutableRawPointer) {
        let flaw = Array((row.flaw ?? "").utf8)
        address.storeBytes(of: row.time, as: Int64.self)
        address.storeBytes(of: Int64(row.line), toByteOffset: 8, as: Int64.self)
        address.storeBytes(of: UInt32(row.bytes.count), toByteOffset: 16, as: UInt32.self)
        address.storeBytes(of: UInt32(flaw.count), toByteOffset: 20, as: UInt32.self)
        copy(flaw[...], to: address + headerBytes)
        copy(row.bytes, to: address + headerBytes + flaw.count)
    }

    /// The row at `at`, which moves behind it; `nil` where `block` does not hold all of it.
    static func decode(_ block: [UInt8], at: inout Int) -> TimedRow? {
        guard block.count - at >= headerBytes else { return nil }
        let (time, line, record, flaw) = block.withUnsafeBytes { bytes in
            (
                bytes.loadUnaligned(fromByteOffset: at, as: Int64.self),
                Int(bytes.loadUnaligned(fromByteOffset: at + 8, as: Int64.self)),
                Int(bytes.loadUnaligned(fromByteOffset: at + 16, as: UInt32.self)),
                Int(bytes.loadUnaligned(fromByteOffset: at + 20, as: UInt32.self))
            )
        }
        let start = at + headerBytes
        guard block.count - start >= flaw + record else { return nil }
        at = start + flaw + record
        return TimedRow(
            time: time, line: line, bytes: block[start + flaw..<at],
            flaw: flaw == 0 ? nil : String(decoding: block[start..<start + flaw], as: UTF8.self))
    }

    @inline(__always)
    private static func copy(_ bytes: ArraySlice<UInt8>, to address: UnsafeMutableRawPointer) {
        bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            address.copyMemory(from: start, byteCount: bytes.count)
        }
    }
}
