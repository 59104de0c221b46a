public import EventLog
import GRDB
import Synchronization

/// The scoring side of the embedded log: every partition from the first moment on, none ever revoked.
public final class EmbeddedConsumer: EventConsumer {
    private struct State {
        var assigned = false
        var readers: [Int: ReadAhead] = [:]
        /// Whose turn it is: partitions are read in rounds, so that a busy one starves no other.
        var turn = 0
        /// Partitions of which the last read brought nothing.
        var caughtUp: Set<Int> = []
    }

    private let log: EmbeddedLog
    private let events: DatabasePool
    /// Of every partition.
    private let newestEvents: [NewestRecords]
    private let outputs: EmbeddedOutputs
    private let health: StorageHealth
    private let eventBell: Bell
    private let outputBells: OutputBells
    private let now: @Sendable () -> Int64
    private let state = Mutex(State())

    init(
        log: EmbeddedLog, events: DatabasePool, newestEvents: [NewestRecords], outputs: EmbeddedOutputs,
        health: StorageHealth, eventBell: Bell, outputBells: OutputBells, now: @escaping @Sendable () -> Int64
    ) {
        self.log = log
        self.events = events
        self.newestEvents = newestEvents
        self.outputs = outputs
        self.health = health
        self.eventBell = eventBell
        self.outputBells = outputBells
        self.now = now
    }

    public func next(limit: Int, wait: Duration) async throws(EventLogError) -> ConsumerEvent {
        if !state.withLock({ $0.assigned }) {
            let assigned = try await assignment()
            state.withLock { $0.assigned = true }
            return .assigned(assigned)
        }

        let heard = eventBell.rings
        if let records = try await round(limit: limit) { return records }
        guard wait > .zero else { return .idle }
        await eventBell.wait(after: heard, timeout: wait)
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
            let records = try await reader.next(limit: limit)
            state.withLock { state in
                if records.isEmpty { state.caughtUp.insert(partition) } else { state.caughtUp.remove(partition) }
            }
            if !records.isEmpty { return .records(partition: partition, records) }
        }
        return nil
    }

    public var readsDuringCommit: Bool { true }

    public func isCaughtUp(_ partition: Int) -> Bool { state.withLock { $0.caughtUp.contains(partition) } }

    public func begin(partition: Int, at offset: Int64) async throws(EventLogError) {
        state.withLock {
            $0.readers[partition] = ReadAhead(
                TableReader(
                    .event, pool: events, partition: partition, from: offset, bell: nil,
                    newest: newestEvents[partition]))
        }
    }

    public func commit(_ batches: [ScoredBatch]) async throws(EventLogError) {
        let time = now()
        if let reason = health.stopped { throw .stopped(reason) }
        do {
            // In a task of its own: a commit that has begun is not broken off because its caller is cancelled.
            let committed = try await Task { [outputs] in
                try await outputs.pool.write { database in
                    let committed = try batches.flatMap { try Self.commit($0, time: time, database) }
                    FaultPoint.positionBefore.pass()
                    return committed
                }
            }.value
            FaultPoint.positionAfter.pass()
            for run in committed { outputs.newest?[run.stream, run.partition].append(run.records) }
        } catch {
            // What the commit left on the disk is not known.
            outputs.newest?.clear()
            throw await health.judge(error, "the scores could not be written", writer: outputs.pool)
        }
        if batches.contains(where: { !$0.scores.isEmpty }) { outputBells[.scores].ring() }
        if batches.contains(where: { !$0.outcomes.isEmpty }) { outputBells[.outcomes].ring() }
    }

    /// What a commit appends to a partition of a stream.
    private struct CommittedRun: Sendable {
        var stream: OutputStream
        var partition: Int
        var records: NewestRecords.Run
    }

    private static func commit(_ batch: ScoredBatch, time: Int64, _ database: Database) throws -> [CommittedRun] {
        let committed = try Int64.fetchOne(
            try database.cachedStatement(sql: "SELECT next FROM position WHERE partition = ?"),
            arguments: [batch.partition])
        // An earlier attempt whose answer was lost has done it all.
        if committed == batch.next { return [] }
        guard committed == batch.follows else {
            throw EventLogError.fenced(
                "partition \(batch.partition) is committed up to \(committed.map(String.init) ?? "nothing"), this batch "
                    + "follows \(batch.follows.map(String.init) ?? "nothing"): another process scores the same directory"
            )
        }
        let runs = [
            try insert(batch.scores, into: .scores, partition: batch.partition, time: time, database),
            try insert(batch.outcomes, into: .outcomes, partition: batch.partition, time: time, database),
        ]
        let position = try RawStatement(database, "INSERT OR REPLACE INTO position VALUES (?, ?, ?, ?, ?)")
        try position.bind(Int64(batch.partition), at: 1)
        try position.bind(batch.next, at: 2)
        try position.bind(batch.lowWaterOffset, at: 3)
        try position.bind(batch.position, at: 4)
        let committedPosition = CommittedPosition(
            partition: batch.partition, next: batch.next, lowWaterOffset: batch.lowWaterOffset, text: batch.position)
        try position.bind(committedPosition.checksum, at: 5)
        try position.run()
        return runs
    }

    private static func insert(
        _ records: [OutputRecord], into stream: OutputStream, partition: Int, time: Int64, _ database: Database
    ) throws -> CommittedRun {
        var run = CommittedRun(stream: stream, partition: partition, records: NewestRecords.Run())
        guard !records.isEmpty else { return run }
        let last = try database.lastRecord(of: stream.table, partition: partition)
        var offset = (last?.offset ?? -1) + 1
        // As on the events log, a clock that is set back does not show.
        let time = max(last?.time ?? 0, time)
        var writer = try BatchWriter(database, stream.table, partition: partition)
        for record in records {
            try writer.append(record.value, identity: nil, offset: offset, time: time)
            run.records.append(StoredRecord(offset: offset, time: time, value: record.value))
            offset += 1
        }
        try writer.finish()
        return run
    }

    public func release(_ partitions: [Int]) async throws(EventLogError) {
        preconditionFailure("EmbeddedConsumer.release: no partition is ever revoked")
    }

    public func rejoin() async throws(EventLogError) {
        preconditionFailure("EmbeddedConsumer.rejoin: there is no group")
    }

    public func close() async {
        for reader in state.withLock({ $0.readers.values }) { await reader.close() }
    }
}
