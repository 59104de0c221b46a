public import EventLog
import GRDB
import Metrics
import Synchronization

/// The scoring side of the embedded log: every partition from the first moment on, none ever revoked.
public final class EmbeddedConsumer: EventConsumer {
    private struct State {
        var assigned = false
        var readers: [Int: TableReader] = [:]
        /// Whose turn it is: partitions are read in rounds, so that a busy one starves no other.
        var turn = 0
    }

    /// How long `next` waits before it says that nothing is new.
    private static let idleWait = Duration.milliseconds(100)

    private let log: EmbeddedLog
    private let events: DatabasePool
    private let outputs: EmbeddedOutputs
    private let eventBell: Bell
    private let outputBell: Bell
    private let now: @Sendable () -> Int64
    private let state = Mutex(State())

    init(
        log: EmbeddedLog, events: DatabasePool, outputs: EmbeddedOutputs, eventBell: Bell, outputBell: Bell,
        now: @escaping @Sendable () -> Int64
    ) {
        self.log = log
        self.events = events
        self.outputs = outputs
        self.eventBell = eventBell
        self.outputBell = outputBell
        self.now = now
    }

    public func next(limit: Int) async throws(EventLogError) -> ConsumerEvent {
        let isFirst = state.withLock { state in
            defer { state.assigned = true }
            return !state.assigned
        }
        if isFirst { return .assigned(try await assignment()) }

        let heard = eventBell.rings
        if let records = try await round(limit: limit) { return records }
        await eventBell.wait(after: heard, timeout: Self.idleWait)
        return try await round(limit: limit) ?? .idle
    }

    private func assignment() async throws(EventLogError) -> [AssignedPartition] {
        var assigned: [AssignedPartition] = []
        for partition in 0..<log.partitionCount {
            assigned.append(
                AssignedPartition(
                    partition: partition, position: try await outputs.position(partition: partition),
                    bounds: try await log.bounds(partition: partition)))
        }
        return assigned
    }

    private func round(limit: Int) async throws(EventLogError) -> ConsumerEvent? {
        for _ in 0..<log.partitionCount {
            let (partition, reader) = state.withLock { state in
                defer { state.turn = (state.turn + 1) % log.partitionCount }
                return (state.turn, state.readers[state.turn])
            }
            guard let reader else { continue }
            let records = try await reader.next(limit: limit, wait: .zero)
            if !records.isEmpty { return .records(partition: partition, records) }
        }
        return nil
    }

    public func begin(partition: Int, at offset: Int64) async throws(EventLogError) {
        state.withLock {
            $0.readers[partition] = TableReader(.event, pool: events, partition: partition, from: offset, bell: nil)
        }
    }

    public func commit(_ batches: [ScoredBatch]) async throws(EventLogError) {
        let time = now()
        do {
            try await outputs.pool.write { database in
                for batch in batches { try Self.commit(batch, time: time, database) }
            }
        } catch let error as EventLogError {
            throw error
        } catch {
            throw .failed("the scores could not be written: \(error)")
        }
        outputBell.ring()
    }

    private static func commit(_ batch: ScoredBatch, time: Int64, _ database: Database) throws {
        let committed = try Int64.fetchOne(
            database, sql: "SELECT next FROM position WHERE partition = ?", arguments: [batch.partition])
        // An earlier attempt whose answer was lost has done it all.
        if committed == batch.next { return }
        guard committed == batch.follows else {
            throw EventLogError.fenced(
                "partition \(batch.partition) is committed up to \(committed.map(String.init) ?? "nothing"), this batch "
                    + "follows \(batch.follows.map(String.init) ?? "nothing"): another process scores the same directory"
            )
        }
        for (stream, records) in [(OutputStream.scores, batch.scores), (.outcomes, batch.outcomes)] {
            var offset = try database.bounds(of: stream.table, partition: batch.partition).upperBound
            let insert = try RawStatement(database, "INSERT INTO \(stream.table.rawValue) VALUES (?, ?, ?, ?)")
            for record in records {
                try insert.run(
                    .integer(Int64(batch.partition)), .integer(offset), .integer(time), .blob(record.value))
                offset += 1
            }
        }
        try RawStatement(database, "INSERT OR REPLACE INTO position VALUES (?, ?, ?, ?)").run(
            .integer(Int64(batch.partition)), .integer(batch.next), .integer(batch.lowWaterOffset),
            .text(batch.position))
    }

    public func release(_ partitions: [Int]) async throws(EventLogError) {
        preconditionFailure("EmbeddedConsumer.release: no partition is ever revoked")
    }

    public func close() async {}
}
