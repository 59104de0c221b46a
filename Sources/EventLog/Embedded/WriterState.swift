import EventLog
import Events
import GRDB

/// What the writer knows of the log without asking it: as of the last commit.
struct WriterState: Sendable {
    var nextOffsets: [Int64]
    /// The append time of each partition's last record.
    var lastTimes: [Int64]
    var nextRejected: Int64
    let identities = RecentIdentities()
    var now: @Sendable () -> Int64

    /// Reads the state from the log, identities of the last day included.
    init(_ database: Database, partitionCount: Int, now: @escaping @Sendable () -> Int64) throws {
        self.now = now
        nextOffsets = Array(repeating: 0, count: partitionCount)
        lastTimes = Array(repeating: 0, count: partitionCount)
        nextRejected = try Int64.fetchOne(database, sql: "SELECT coalesce(max(number) + 1, 0) FROM rejected") ?? 0
        for partition in 0..<partitionCount {
            let last = try Row.fetchOne(
                database,
                sql: #"SELECT "offset", time FROM event WHERE partition = ? ORDER BY "offset" DESC LIMIT 1"#,
                arguments: [partition])
            guard let last else { continue }
            nextOffsets[partition] = last[0] + 1
            lastTimes[partition] = last[1]
            // Newest first until one is too old: times rise with offsets.
            var newest: [(UInt64, Int64)] = []
            let rows = try Row.fetchCursor(
                database,
                sql: #"SELECT identity, time FROM event WHERE partition = ? ORDER BY "offset" DESC"#,
                arguments: [partition])
            while let row = try rows.next() {
                let time: Int64 = row[1]
                if lastTimes[partition] - time > RecentIdentities.maxAge_ms || newest.count >= RecentIdentities.maxCount
                {
                    break
                }
                if let identity = row[0] as Int64? { newest.append((UInt64(bitPattern: identity), time)) }
            }
            for (identity, time) in newest.reversed() { identities.insert(identity, time: time) }
        }
    }

    mutating func adopt(_ change: WriterChange) {
        nextOffsets = change.nextOffsets
        lastTimes = change.lastTimes
        nextRejected = change.nextRejected
        for (identity, time) in change.newIdentities { identities.insert(identity, time: time) }
    }
}

/// One transaction's effect, on the way.
struct WriterChange: Sendable {
    private let base: WriterState
    fileprivate(set) var nextOffsets: [Int64]
    fileprivate(set) var lastTimes: [Int64]
    fileprivate(set) var nextRejected: Int64
    fileprivate(set) var newIdentities: [(UInt64, Int64)] = []
    private var newlyKnown: Set<UInt64> = []

    init(_ state: WriterState) {
        base = state
        nextOffsets = state.nextOffsets
        lastTimes = state.lastTimes
        nextRejected = state.nextRejected
    }

    /// Writes one piece of work. What is wrong with the work itself comes back as a failure and leaves no trace; what
    /// is wrong with the storage is thrown and undoes the transaction.
    mutating func apply(
        _ work: EventWriter.Work, _ database: Database
    ) throws -> Result<EventWriter.Reply, EventLogError> {
        switch work {
        case .append(let records): return .success(.verdicts(try append(records, database)))
        case .replay(let name, let rows): return try append(rows, ofReplay: name, database)
        case .end(let name):
            try end(name, database)
            return .success(.done)
        case .tick(let partition):
            _ = try insert(RecordCoder.tick, identity: nil, partition: partition, database)
            return .success(.done)
        case .reject(let records):
            for record in records { try reject(record, database) }
            return .success(.done)
        }
    }

    private mutating func append(_ records: [NewRecord], _ database: Database) throws -> [AppendVerdict] {
        try records.map { record in
            if base.identities.contains(record.identity) || newlyKnown.contains(record.identity) { return .duplicate }
            let location = try insert(record, identity: record.identity, database)
            newlyKnown.insert(record.identity)
            newIdentities.append((record.identity, lastTimes[location.partition]))
            return .stored(location)
        }
    }

    private mutating func append(
        _ rows: [ReplayRow], ofReplay name: String, _ database: Database
    ) throws -> Result<EventWriter.Reply, EventLogError> {
        let mark = try Self.mark(name, database)
        var last = mark?.lastRow ?? 0
        let new = rows.drop { $0.number <= last }
        for row in new {
            guard row.number == last + 1 else {
                return .failure(.replayGap(name: name, expected: last + 1, got: row.number))
            }
            last = row.number
        }
        var appended = ReplayAppended(duplicates: rows.count - new.count)
        for row in new {
            switch row.content {
            case .event(let record):
                _ = try insert(record, identity: nil, database)
                appended.stored += 1
            case .rejected(let record):
                try reject(record, database)
                appended.rejected += 1
            }
        }
        if !new.isEmpty { try setMark(name, ReplayMark(lastRow: last, ended: false), database) }
        return .success(.replay(appended))
    }

    private mutating func end(_ name: String, _ database: Database) throws {
        let mark = try Self.mark(name, database)
        if mark?.ended == true { return }
        for partition in nextOffsets.indices {
            _ = try insert(RecordCoder.encodeEnd(replay: name), identity: nil, partition: partition, database)
        }
        try setMark(name, ReplayMark(lastRow: mark?.lastRow ?? 0, ended: true), database)
    }

    private mutating func insert(_ record: NewRecord, identity: UInt64?, _ database: Database) throws -> Location {
        let partition = Partitioner.partition(ofKey: record.key, count: nextOffsets.count)
        return try insert(record.value, identity: identity, partition: partition, database)
    }

    private mutating func insert(
        _ value: [UInt8], identity: UInt64?, partition: Int, _ database: Database
    ) throws -> Location {
        let offset = nextOffsets[partition]
        // A clock that is set back must not take the log with it.
        let time = max(lastTimes[partition], base.now())
        try RawStatement(database, "INSERT INTO event VALUES (?, ?, ?, ?, ?)").run(
            .integer(Int64(partition)), .integer(offset), .integer(time),
            identity.map { .integer(Int64(bitPattern: $0)) } ?? .null, .blob(value))
        nextOffsets[partition] = offset + 1
        lastTimes[partition] = time
        return Location(partition: partition, offset: offset)
    }

    private mutating func reject(_ record: RejectedRecord, _ database: Database) throws {
        try RawStatement(database, "INSERT INTO rejected VALUES (?, ?, ?, ?, ?, ?)").run(
            .integer(nextRejected), .integer(record.time), .text(record.source), .text(record.reason),
            record.line.map { .integer(Int64($0)) } ?? .null, .blob(record.bytes))
        nextRejected += 1
    }

    static func mark(_ name: String, _ database: Database) throws -> ReplayMark? {
        try Row.fetchOne(database, sql: "SELECT last_row, ended FROM replay WHERE name = ?", arguments: [name])
            .map { ReplayMark(lastRow: $0[0], ended: $0[1]) }
    }

    private func setMark(_ name: String, _ mark: ReplayMark, _ database: Database) throws {
        try RawStatement(database, "INSERT OR REPLACE INTO replay VALUES (?, ?, ?)").run(
            .text(name), .integer(mark.lastRow), .integer(mark.ended ? 1 : 0))
    }
}
