import GRDB

/// What the writer knows of the log without asking it: as of the last commit.
struct WriterState: Sendable {
    /// Of every partition. Retention leaves a partition's newest record, so what is derived from it here is never lost.
    var nextOffsets: [Int64]
    /// The append time of each partition's last record.
    var lastTimes: [Int64]
    var nextRejected: Int64
    /// Of every partition the newest run of offsets that hold only rows of replays; empty where there is none.
    var lastReplayed: [Range<Int64>]
    let identities: RecentIdentities
    let now: @Sendable () -> Int64

    /// Reads the state from the log.
    init(
        _ database: Database, partitionCount: Int, limits: EmbeddedLimits, now: @escaping @Sendable () -> Int64
    ) throws {
        self.now = now
        nextOffsets = Array(repeating: 0, count: partitionCount)
        lastTimes = Array(repeating: 0, count: partitionCount)
        lastReplayed = Array(repeating: 0..<0, count: partitionCount)
        nextRejected = try database.rejectedCount()
        for partition in 0..<partitionCount {
            guard let last = try database.lastRecord(of: .event, partition: partition) else { continue }
            nextOffsets[partition] = last.offset + 1
            lastTimes[partition] = last.time
            lastReplayed[partition] = try database.replayed(partition, before: .max) ?? 0..<0
        }
        identities = RecentIdentities(limits)
        identities.insert(try Self.recent(database, partitionCount: partitionCount, limits: limits))
    }

    /// The identities among the newest records. Rows of replays have none and are passed over run by run, so that after
    /// a long replay as many are known as before it; the records looked at are bounded in number and age.
    private static func recent(
        _ database: Database, partitionCount: Int, limits: EmbeddedLimits
    ) throws -> [(identity: UInt64, time: Int64)] {
        var recent: [(identity: UInt64, time: Int64, offset: Int64)] = []
        for partition in 0..<partitionCount {
            var left = limits.identities / partitionCount
            var end = Int64.max
            let newest = try database.lastRecord(of: .event, partition: partition)?.time ?? 0
            let oldest = newest - limits.identityAge.components.seconds * 1_000
            var isOld = false
            while left > 0, !isOld {
                let replayed = try database.replayed(partition, before: end)
                let start = replayed?.upperBound ?? 0
                if start < end {
                    try database.batches(of: .event, partition: partition, in: start..<end, .backward) { batch in
                        isOld = batch.time < oldest
                        if isOld { return false }
                        // A row that is damaged says no more than it can: the start looks at the newest, and `verify`
                        // at all.
                        _ = try? batch.forEach(from: start) { record in
                            guard record.offset < end else { return false }
                            left -= 1
                            if let identity = record.identity {
                                recent.append((UInt64(bitPattern: identity), record.time, record.offset))
                            }
                            return true
                        }
                        return left > 0
                    }
                }
                guard let replayed else { break }
                end = replayed.lowerBound
            }
        }
        // The oldest are forgotten first, also among those of one moment.
        return recent.sorted { ($0.time, $0.offset) < ($1.time, $1.offset) }.map { ($0.identity, $0.time) }
    }

    mutating func adopt(_ change: WriterChange) {
        nextOffsets = change.nextOffsets
        lastTimes = change.lastTimes
        lastReplayed = change.lastReplayed
        nextRejected = change.nextRejected
        identities.insert(change.newIdentities)
    }
}

/// What one transaction changes of the writer's state, once it has committed.
struct WriterChange: Sendable {
    var nextOffsets: [Int64]
    var lastTimes: [Int64]
    var nextRejected: Int64
    var lastReplayed: [Range<Int64>]
    var newIdentities: [(identity: UInt64, time: Int64)] = []
    /// What was appended to every partition.
    var runs: [NewestRecords.Run]

    init(_ state: WriterState) {
        nextOffsets = state.nextOffsets
        lastTimes = state.lastTimes
        nextRejected = state.nextRejected
        lastReplayed = state.lastReplayed
        runs = state.nextOffsets.map { _ in NewestRecords.Run() }
    }
}
