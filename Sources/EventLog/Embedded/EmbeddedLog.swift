public import EventLog
import Events
import FoundationEssentials
import GRDB

/// The events log on this machine: `events.sqlite`. Opened for reading alone, appends throw.
public struct EmbeddedLog: EventLog {
    public let partitionCount: Int
    public let durability = Durability.fsync
    private let pool: DatabasePool
    /// `nil` where the log is open for reading only.
    private let writer: EventWriter?
    private let bell: Bell?

    init(pool: DatabasePool, partitionCount: Int, writer: EventWriter?, bell: Bell?) {
        self.pool = pool
        self.partitionCount = partitionCount
        self.writer = writer
        self.bell = bell
    }

    // MARK: Appending

    public func append(_ records: [NewRecord]) async throws(EventLogError) -> [AppendVerdict] {
        guard !records.isEmpty else { return [] }
        var bytes = 0
        for record in records { bytes += try Self.size(record) }
        guard case .verdicts(let verdicts) = try await perform(.append(records), records: records.count, bytes: bytes)
        else { preconditionFailure("EmbeddedLog.append: the writer answered another question") }
        return verdicts
    }

    public func append(_ rows: [ReplayRow], ofReplay name: String) async throws(EventLogError) -> ReplayAppended {
        var bytes = 0
        for row in rows {
            switch row.content {
            case .event(let record): bytes += try Self.size(record)
            case .rejected(let record): bytes += Self.size(record)
            }
        }
        let reply = try await perform(.replay(name: name, rows: rows), records: rows.count, bytes: bytes)
        guard case .replay(let appended) = reply else {
            preconditionFailure("EmbeddedLog.append: the writer answered another question")
        }
        return appended
    }

    public func endReplay(_ name: String) async throws(EventLogError) {
        _ = try await perform(.end(replay: name), records: partitionCount, bytes: 0)
    }

    public func appendTick(partition: Int) async throws(EventLogError) {
        precondition((0..<partitionCount).contains(partition), "EmbeddedLog.appendTick: no partition \(partition)")
        _ = try await perform(.tick(partition: partition), records: 1, bytes: 0)
    }

    public func reject(_ records: [RejectedRecord]) async throws(EventLogError) {
        guard !records.isEmpty else { return }
        let bytes = records.reduce(0) { $0 + Self.size($1) }
        _ = try await perform(.reject(records), records: records.count, bytes: bytes)
    }

    private static func size(_ record: NewRecord) throws(EventLogError) -> Int {
        guard record.value.count <= EventLimits.recordBytes else {
            throw .tooLarge(bytes: record.value.count, limit: EventLimits.recordBytes)
        }
        return record.value.count
    }

    private static func size(_ record: RejectedRecord) -> Int { record.bytes.count + record.reason.utf8.count }

    private func perform(
        _ work: EventWriter.Work, records: Int, bytes: Int
    ) async throws(EventLogError) -> EventWriter.Reply {
        guard let writer else {
            throw .unusable("this log is open for reading only: another process serves it, append over its URL")
        }
        return try await writer.perform(work, records: records, bytes: bytes)
    }

    public var stopped: String? { writer?.stopped }

    public func close() async { await writer?.close() }

    // MARK: Reading

    public func replayMark(_ name: String) async throws(EventLogError) -> ReplayMark? {
        try await read { try $0.replayMark(name) }
    }

    public func rejected(from number: Int64, limit: Int) async throws(EventLogError) -> [RejectedRecord] {
        try await read { database in
            try database.rejectedInputs(from: number, limit: limit) { record, checksum, number in
                try database.check(checksum, record.checksum(number), "rejected input \(number)")
                return record
            }
        }
    }

    public func rejectedCount() async throws(EventLogError) -> Int64 {
        try await read { try $0.rejectedCount() }
    }

    public func bounds(partition: Int) async throws(EventLogError) -> Range<Int64> {
        try await read { try $0.bounds(of: .event, partition: partition) }
    }

    public func firstOffset(partition: Int, atOrAfter time: Int64) async throws(EventLogError) -> Int64 {
        try await read { database in
            // Times rise with offsets, and offsets are dense: halve until one is left.
            var range = try database.bounds(of: .event, partition: partition)
            while !range.isEmpty {
                let middle = range.lowerBound + (range.upperBound - range.lowerBound) / 2
                if let found = try database.time(of: .event, partition: partition, at: middle), found >= time {
                    range = range.lowerBound..<middle
                } else {
                    range = (middle + 1)..<range.upperBound
                }
            }
            return range.lowerBound
        }
    }

    public func reader(partition: Int, from offset: Int64) async throws(EventLogError) -> any EventReader {
        TableReader(.event, pool: pool, partition: partition, from: offset, bell: bell)
    }

    private func read<T: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(EventLogError) -> T {
        try await pool.answer("the events log could not be read", body)
    }
}
