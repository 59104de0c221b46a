public import EventLog
import GRDB

/// Scores, outcomes and positions on this machine: `scores.sqlite`.
public struct EmbeddedOutputs: OutputLog {
    public let partitionCount: Int
    let pool: DatabasePool
    let bells: OutputBells?
    /// `nil`: the writer is another process.
    let newest: NewestOutputs?

    init(pool: DatabasePool, partitionCount: Int, bells: OutputBells?, newest: NewestOutputs?) {
        self.pool = pool
        self.partitionCount = partitionCount
        self.bells = bells
        self.newest = newest
    }

    public var offsetsCountRecords: Bool { true }

    public func bounds(_ stream: OutputStream, partition: Int) async throws(EventLogError) -> Range<Int64> {
        try await pool.answer("the scores could not be read") {
            try $0.bounds(of: stream.table, partition: partition)
        }
    }

    public func reader(
        _ stream: OutputStream, partition: Int, from offset: Int64
    ) async throws(EventLogError) -> any EventReader {
        TableReader(
            stream.table, pool: pool, partition: partition, from: offset, bell: bells?[stream],
            newest: newest?[stream, partition])
    }

    public func position(partition: Int) async throws(EventLogError) -> String? {
        try await pool.answer("the committed position could not be read") {
            try $0.committedPosition(partition: partition)?.text
        }
    }
}

/// A row of `position`.
struct CommittedPosition {
    var partition: Int
    var next: Int64
    var lowWaterOffset: Int64
    /// As scoring encoded it.
    var text: String

    var checksum: Int64 { Checksum.of("position", ["\(partition)", "\(next)", "\(lowWaterOffset)", text]) }
}

extension Database {
    func committedPosition(partition: Int) throws -> CommittedPosition? {
        let statement = try cachedStatement(
            sql: "SELECT next, low_water, value, checksum FROM position WHERE partition = ?")
        guard let row = try Row.fetchOne(statement, arguments: [partition]) else { return nil }
        let position = CommittedPosition(
            partition: partition, next: try row.decode(atIndex: 0), lowWaterOffset: try row.decode(atIndex: 1),
            text: try row.decode(atIndex: 2))
        try check(try row.decode(atIndex: 3), position.checksum, "the committed position of partition \(partition)")
        return position
    }
}
