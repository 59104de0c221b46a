public import EventLog
import GRDB

/// Scores, outcomes and positions on this machine: `scores.sqlite`.
public struct EmbeddedOutputs: OutputLog {
    public let partitionCount: Int
    let pool: DatabasePool
    let bell: Bell?

    init(pool: DatabasePool, partitionCount: Int, bell: Bell?) {
        self.pool = pool
        self.partitionCount = partitionCount
        self.bell = bell
    }

    public func bounds(_ stream: OutputStream, partition: Int) async throws(EventLogError) -> Range<Int64> {
        try await pool.answer("the scores could not be read") {
            try $0.bounds(of: stream.table, partition: partition)
        }
    }

    public func reader(
        _ stream: OutputStream, partition: Int, from offset: Int64
    ) async throws(EventLogError) -> any EventReader {
        TableReader(stream.table, pool: pool, partition: partition, from: offset, bell: bell)
    }

    public func position(partition: Int) async throws(EventLogError) -> String? {
        try await pool.answer("the committed position could not be read") {
            try String.fetchOne($0, sql: "SELECT value FROM position WHERE partition = ?", arguments: [partition])
        }
    }
}
