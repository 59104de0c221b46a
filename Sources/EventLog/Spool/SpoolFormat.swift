import CZlib
package import EventLog

/// What is kept in the spool: an event, or input that could not be used.
package enum SpoolItem: Sendable, Equatable {
    case event(NewRecord)
    case rejected(RejectedRecord)
}

/// How a segment's bytes read: entry behind entry, nothing between and nothing before.
///
///     entry    magic 4 · payload bytes 4 · time 8 · CRC-32 of the payload 4 · CRC-32 of the 20 bytes before 4 · payload
///     event    1 · identity 8 · key bytes 4 · key · value
///     rejected 2 · time 8 · line 8 (−1: none) · source bytes 4 · source · reason bytes 4 · reason · bytes
///
/// Integers are little-endian; `time` is when the entry was spooled, milliseconds since the epoch.
///
/// 1. An entry that was written whole is found again, whatever has become of the bytes around it: the header has a
///    checksum of its own, so its length can be trusted, and where a header is damaged the next good one is looked for.
/// 2. Bytes are torn only where they cannot be a whole entry: a header that ends too early, or a good one whose payload
///    does. Everything else that cannot be read is damaged, and somebody must be told.
package enum SpoolFormat {
    /// What an older program refuses.
    package static let version = 1
    package static let headerBytes = 24
    /// The largest payload: an event of full size with its key fits several times over.
    package static let maxPayloadBytes = 1 << 16

    private static let magic: UInt32 = 0x4c50_53ff  // ff 53 50 4c: a byte that no UTF-8 has, then "SPL".

    /// What stands at a place of a segment.
    package enum Found: Sendable, Equatable {
        case item(SpoolItem, time: Int64, bytes: Int)
        /// Bytes that were whole once and cannot be read.
        case damaged(bytes: Int, reason: String)
        /// An entry whose write never finished, to the end.
        case torn(bytes: Int)
    }

    /// - Returns: `nil` where the payload would be larger than `maxPayloadBytes`.
    package static func encode(_ item: SpoolItem, time: Int64) -> [UInt8]? {
        var payload: [UInt8] = []
        switch item {
        case .event(let record):
            payload.reserveCapacity(13 + record.key.utf8.count + record.value.count)
            payload.append(1)
            payload.append(integer: record.identity)
            payload.append(text: record.key)
            payload.append(contentsOf: record.value)
        case .rejected(let record):
            payload.append(2)
            payload.append(integer: UInt64(bitPattern: record.time))
            payload.append(integer: UInt64(bitPattern: Int64(record.line ?? -1)))
            payload.append(text: record.source)
            payload.append(text: record.reason)
            payload.append(contentsOf: record.bytes)
        }
        guard payload.count <= maxPayloadBytes else { return nil }
        var entry: [UInt8] = []
        entry.reserveCapacity(headerBytes + payload.count)
        entry.append(integer: magic)
        entry.append(integer: UInt32(payload.count))
        entry.append(integer: UInt64(bitPattern: time))
        entry.append(integer: checksum(payload[...]))
        entry.append(integer: checksum(entry[...]))
        return entry + payload
    }

    /// Reads what stands at `start`. `isEnd`: the segment has no more bytes than these.
    ///
    /// - Returns: `nil` where more bytes are needed, or nothing is left.
    package static func read(_ bytes: [UInt8], at start: Int, isEnd: Bool) -> Found? {
        let rest = bytes[start...]
        guard !rest.isEmpty else { return nil }
        guard let header = Header(rest) else {
            guard rest.count >= headerBytes else { return isEnd ? .torn(bytes: rest.count) : nil }
            if let next = nextHeader(bytes, behind: start, before: bytes.count) {
                return .damaged(bytes: next - start, reason: "there is no header")
            }
            // A header may begin within the last bytes of what is not the end.
            guard isEnd else {
                return .damaged(bytes: rest.count - headerBytes + 1, reason: "there is no header")
            }
            // Some file systems leave zeros where a power cut ended a write.
            let isTorn = rest.allSatisfy { $0 == 0 }
            return isTorn ? .torn(bytes: rest.count) : .damaged(bytes: rest.count, reason: "there is no header")
        }
        let end = start + headerBytes + header.payloadBytes
        guard end <= bytes.count || isEnd else { return nil }
        if end <= bytes.count {
            let payload = bytes[(start + headerBytes)..<end]
            if checksum(payload) == header.payloadChecksum {
                guard let item = item(payload) else {
                    return .damaged(bytes: end - start, reason: "neither an event nor rejected input")
                }
                return .item(item, time: header.time, bytes: end - start)
            }
        }
        // Where bytes are missing, the next entry begins before this one should end.
        if let next = nextHeader(bytes, behind: start, before: min(end, bytes.count)) {
            return .damaged(bytes: next - start, reason: "the checksum is another")
        }
        return end <= bytes.count
            ? .damaged(bytes: end - start, reason: "the checksum is another") : .torn(bytes: rest.count)
    }

    private static func nextHeader(_ bytes: [UInt8], behind start: Int, before end: Int) -> Int? {
        (start + 1..<max(start + 1, end)).first { Header(bytes[$0...]) != nil }
    }

    /// A header whose checksum is right.
    private struct Header {
        var payloadBytes: Int
        var time: Int64
        var payloadChecksum: UInt32

        init?(_ bytes: ArraySlice<UInt8>) {
            guard bytes.count >= headerBytes, bytes[bytes.startIndex] == 0xff else { return nil }
            var reader = Reader(bytes: bytes.prefix(headerBytes))
            guard reader.word() == magic, let payloadBytes = reader.word(), payloadBytes <= maxPayloadBytes,
                let time = reader.long(), let payloadChecksum = reader.word(),
                reader.word() == checksum(bytes.prefix(headerBytes - 4))
            else { return nil }
            self.payloadBytes = Int(payloadBytes)
            self.time = Int64(bitPattern: time)
            self.payloadChecksum = payloadChecksum
        }
    }

    private static func item(_ payload: ArraySlice<UInt8>) -> SpoolItem? {
        var reader = Reader(bytes: payload)
        switch reader.byte() {
        case 1:
            guard let identity = reader.long(), let key = reader.text() else { return nil }
            return .event(NewRecord(key: key, value: Array(reader.bytes), identity: identity))
        case 2:
            guard let time = reader.long(), let line = reader.long().map({ Int64(bitPattern: $0) }), line >= -1,
                let source = reader.text(), let reason = reader.text()
            else { return nil }
            return .rejected(
                RejectedRecord(
                    time: Int64(bitPattern: time), source: source, reason: reason, line: line < 0 ? nil : Int(line),
                    bytes: reader.bytes))
        default: return nil
        }
    }

    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.withUnsafeBufferPointer { UInt32(truncatingIfNeeded: crc32(0, $0.baseAddress, UInt32($0.count))) }
    }

    /// Takes values off the front.
    private struct Reader {
        var bytes: ArraySlice<UInt8>

        mutating func byte() -> UInt8? { bytes.popFirst() }
        mutating func word() -> UInt32? { integer() }
        mutating func long() -> UInt64? { integer() }

        mutating func text() -> String? {
            guard let count = word(), count <= bytes.count else { return nil }
            defer { bytes = bytes.dropFirst(Int(count)) }
            return String(validating: bytes.prefix(Int(count)), as: UTF8.self)
        }

        private mutating func integer<T: FixedWidthInteger & UnsignedInteger>() -> T? {
            let count = T.bitWidth / 8
            guard bytes.count >= count else { return nil }
            defer { bytes = bytes.dropFirst(count) }
            return bytes.prefix(count).reversed().reduce(0) { $0 << 8 | T($1) }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(integer: some FixedWidthInteger & UnsignedInteger) {
        Swift.withUnsafeBytes(of: integer.littleEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(text: String) {
        append(integer: UInt32(text.utf8.count))
        append(contentsOf: text.utf8)
    }
}
