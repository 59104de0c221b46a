import EventLog

/// A row of a table of records: some that follow each other and were written at the same time.
///
/// A row costs far more than a record in it, so what one transaction brings to a partition stands in few rows. The value
/// of a row holds its records one behind the other, all numbers little-endian:
///
/// | bytes | what |
/// | ---: | --- |
/// | 4 | twice the length of the record's value, and one more where it has an identity |
/// | 8 | the record's checksum |
/// | 8 | its identity, where it has one |
/// | … | its value |
///
/// Valid as long as the statement that gave it stands on its row.
struct RecordBatch {
    /// A row from before schema 3, whose one record has the row for itself.
    struct Single {
        var identity: Int64?
        /// `nil` where it is from before schema 2.
        var checksum: Int64?
    }

    /// A row ends with the record that makes its value this long: a record is not read alone, but with all of its row.
    static let bytes = 32 << 10
    private static let headBytes = 12
    /// No row holds more.
    static let maxRecords = Int64(bytes / headBytes + 1)

    let table: RecordTable
    let partition: Int
    /// The first record's.
    let offset: Int64
    let time: Int64
    /// As the row says.
    let count: Int64
    let value: UnsafeRawBufferPointer
    /// `nil`: laid out as above.
    var single: Single?

    /// The offset behind the last record.
    var end: Int64 { Self.end(offset, count) }

    /// Whatever a damaged row says: behind its first record, and not beyond what a row may hold.
    static func end(_ offset: Int64, _ count: Int64) -> Int64 { offset + min(max(count, 1), maxRecords) }

    /// Gives the records from an offset on, in order, until `body` answers false; answers false then.
    ///
    /// - Throws: what `body` throws; `.unusable` where the row is not laid out as it should be, after the records before.
    func forEach(from start: Int64, _ body: (BatchedRecord) throws -> Bool) throws -> Bool {
        if let single {
            guard offset >= start else { return true }
            return try body(record(offset, value, single.identity, single.checksum))
        }
        guard (1...Self.maxRecords).contains(count) else { throw malformed(at: offset) }
        var place = 0
        for offset in offset..<(offset + count) {
            guard value.count - place >= Self.headBytes else { throw malformed(at: offset) }
            let head = UInt32(littleEndian: value.loadUnaligned(fromByteOffset: place, as: UInt32.self))
            let checksum = Int64(littleEndian: value.loadUnaligned(fromByteOffset: place + 4, as: Int64.self))
            place += Self.headBytes
            let (length, hasIdentity) = (Int(head >> 1), head & 1 == 1)
            guard value.count - place >= length + (hasIdentity ? 8 : 0) else { throw malformed(at: offset) }
            var identity: Int64?
            if hasIdentity {
                identity = Int64(littleEndian: value.loadUnaligned(fromByteOffset: place, as: Int64.self))
                place += 8
            }
            let content = UnsafeRawBufferPointer(rebasing: value[place..<(place + length)])
            place += length
            // Before the last is given: whoever got as many records as there seem to be does not come back.
            guard offset + 1 < end || place == value.count else { throw malformed(at: offset) }
            guard offset >= start else { continue }
            guard try body(record(offset, content, identity, checksum)) else { return false }
        }
        return true
    }

    private func record(
        _ offset: Int64, _ value: UnsafeRawBufferPointer, _ identity: Int64?, _ checksum: Int64?
    ) -> BatchedRecord {
        BatchedRecord(
            table: table, partition: partition, offset: offset, time: time, identity: identity, checksum: checksum,
            value: value)
    }

    private func malformed(at offset: Int64) -> EventLogError {
        .unusable(
            "the row of partition \(partition), offset \(self.offset) of \(table.rawValue)s is damaged: it cannot be "
                + "read from offset \(offset) on; \(EventLogError.remedy)")
    }

    /// Appends a record as a row holds it.
    static func append(_ record: [UInt8], identity: Int64?, checksum: Int64, to value: inout [UInt8]) {
        value.append(integer: UInt32(record.count) << 1 | (identity == nil ? 0 : 1))
        value.append(integer: checksum)
        if let identity { value.append(integer: identity) }
        value.append(contentsOf: record)
    }
}

/// A record as it stands in its row, and as long as that does.
struct BatchedRecord {
    let table: RecordTable
    let partition: Int
    let offset: Int64
    let time: Int64
    let identity: Int64?
    /// `nil` where it is from before schema 2.
    let checksum: Int64?
    let value: UnsafeRawBufferPointer

    /// - Throws: `.unusable` where it is not what was written.
    func stored() throws(EventLogError) -> StoredRecord {
        if let checksum,
            checksum
                != Checksum.of(
                    table, partition: Int64(partition), offset: offset, time: time, identity: identity, value)
        {
            throw .wrongChecksum("the record of partition \(partition), offset \(offset) of \(table.rawValue)s")
        }
        return StoredRecord(offset: offset, time: time, value: [UInt8](value))
    }
}

extension [UInt8] {
    fileprivate mutating func append(integer: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: integer.littleEndian) { append(contentsOf: $0) }
    }
}
