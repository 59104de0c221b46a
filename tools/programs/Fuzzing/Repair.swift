import CZlib

/// Makes checksums right again in spoilt files.
enum Repair {
    private static func place(_ number: some FixedWidthInteger, at start: Int, in bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { source in
            for index in source.indices { bytes[start + index] = source[index] }
        }
    }

    /// Length and FNV-1a of the body, as docs/model.md describes the file.
    static func model(_ input: [UInt8]) -> [UInt8] {
        guard input.count >= 28 else { return input }
        var bytes = input
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes[28...] { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        place(UInt64(bytes.count - 28), at: 12, in: &bytes)
        place(hash, at: 20, in: &bytes)
        return bytes
    }

    /// The first entry's two checksums, and its length up to the end.
    static func spool(_ input: [UInt8]) -> [UInt8] {
        guard input.count >= 24 else { return input }
        var bytes = input
        func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
            UInt32(truncatingIfNeeded: bytes.withUnsafeBufferPointer { crc32(0, $0.baseAddress, UInt32($0.count)) })
        }
        place(UInt32(bytes.count - 24), at: 4, in: &bytes)
        place(checksum(bytes[24...]), at: 16, in: &bytes)
        place(checksum(bytes[..<20]), at: 20, in: &bytes)
        return bytes
    }
}
