import GRDB

/// What the writer knows of the log without asking it: as of the last commit.
struct WriterState: Sendable {
    /// Of every partition. Retention leaves a partition's newest record, so what is derived from it here is never lost.
    var nextOffsets: [Int64]
    /// The append time of each partition's last record.
    var lastTimes: [Int64]
    var nextRejected: Int64
    let identities: RecentIdentities
    let now: @Sendable () -> Int64

    /// Reads the state from the log.
    init(
        _ database: Database, partitionCount: Int, limits: EmbeddedLimits, now: @escaping @Sendable () -> Int64
    ) throws {
        self.now = now
        nextOffsets = Array(repeating: 0, count: partitionCount)
        lastTimes = Array(repeating: 0, count: partitionCount)
        nextRejected = try database.rejectedCount()
        for partition in 0..<partitionCount {
            guard let last = try database.lastRecord(of: .event, partition: partition) else { continue }
            nextOffsets[partition] = last.offset + 1
            lastTimes[partition] = last.time
        }
        identities = RecentIdentities(limits)
        identities.insert(try Self.recent(database, partitionCount: partitionCount, limits: limits))
    }

    /// The identities among the newest records. Rows of replays have none, but cost a look all the same: the number of
    /// records looked at is what is bounded, so that a start after a long replay is as quick as any.
    private static func recent(
        _ database: Database, partitionCount: Int, limits: EmbeddedLimits
    ) throws -> [(identity: UInt64, time: Int64)] {
        var recent: [(identity: UInt64, time: Int64, offset: Int64)] = []
        for partition in 0..<partitionCount {
            let rows = try Row.fetchCursor(
                database,
                sql: #"SELECT identity, time, "offset" FROM event WHERE partition = ? ORDER BY "offset" DESC LIMIT ?"#,
                arguments: [partition, limits.identities / partitionCount])
            while let row = try rows.next() {
                if let identity = row[0] as Int64? { recent.append((UInt64(bitPattern: identity), row[1], row[2])) }
            }
        }
        // The oldest are forgotten first, also among those of one moment.
        return recent.sorted { ($0.time, $0.offset) < ($1.time, $1.offset) }.map { ($0.identity, $0.time) }
    }

    mutating func adopt(_ change: WriterChange) {
        nextOffsets = change.nextOffsets
        lastTimes = change.lastTimes
        nextRejected = change.nextRejected
        identities.insert(change.newIdentities)
    }
}

/// What one transaction changes of the writer's state, once it has committed.
struct WriterChange: Sendable {
    var nextOffsets: [Int64]
    var lastTimes: [Int64]
    var nextRejected: Int64
    var newIdentities: [(identity: UInt64, time: Int64)] = []

    init(_ state: WriterState) {
        nextOffsets = state.nextOffsets
        lastTimes = state.lastTimes
        nextRejected = state.nextRejected
    }
}
