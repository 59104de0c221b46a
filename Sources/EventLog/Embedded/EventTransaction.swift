import EventLog
import Events
import GRDB

/// One transaction on `events.sqlite`: the works of all who waited. Every record gets its offset and its time here, so
/// that both rise together.
struct EventTransaction {
    private let database: Database
    private let identities: RecentIdentities
    private let time: Int64
    /// Of every partition; what they hold is written by `finish`.
    private var events: [BatchWriter]
    private(set) var change: WriterChange
    /// Identities that this transaction stores.
    private var stored: Set<UInt64> = []

    init(_ database: Database, _ state: WriterState) throws {
        self.database = database
        identities = state.identities
        time = state.now()
        change = WriterChange(state)
        events = try BatchWriter.all(database, .event, partitions: state.nextOffsets.count)
    }

    /// Writes one piece of work. What is wrong with the work itself comes back as a failure and leaves no trace; what
    /// is wrong with the storage is thrown and undoes the transaction.
    mutating func apply(_ work: EventWriter.Work) throws -> Result<EventWriter.Reply, EventLogError> {
        switch work {
        case .append(let records): return .success(.verdicts(try records.map { try append($0) }))
        case .replay(let name, let rows): return try append(rows, ofReplay: name)
        case .end(let name): try end(name)
        case .tick(let partition): _ = try insert(RecordCoder.tick, identity: nil, partition: partition)
        case .reject(let records): for record in records { try reject(record) }
        case .forget(let partition, let offset): try forget(partition, before: offset)
        case .forgetRejected(let time, let limit): try forgetRejected(before: time, limit: limit)
        }
        return .success(.done)
    }

    /// Writes what is left. To be called last.
    mutating func finish() throws {
        for partition in events.indices { try events[partition].finish() }
    }

    private mutating func append(_ record: NewRecord) throws -> AppendVerdict {
        if identities.contains(record.identity) || !stored.insert(record.identity).inserted { return .duplicate }
        let location = try insert(record, identity: record.identity)
        change.newIdentities.append((record.identity, change.lastTimes[location.partition]))
        return .stored(location)
    }

    private mutating func append(
        _ rows: [ReplayRow], ofReplay name: String
    ) throws -> Result<EventWriter.Reply, EventLogError> {
        let mark = try database.replayMark(name)
        var last = mark?.lastRow ?? 0
        let new = rows.drop { $0.number <= last }
        for row in new {
            guard row.number == last + 1 else {
                return .failure(.replayGap(name: name, expected: last + 1, got: row.number))
            }
            last = row.number
        }
        let before = change.nextOffsets
        var appended = ReplayAppended(duplicates: rows.count - new.count)
        for row in new {
            switch row.content {
            case .event(let record):
                // Without an identity: files repeat rows, and each of them counts.
                _ = try insert(record, identity: nil)
                appended.stored += 1
            case .rejected(let record):
                try reject(record)
                appended.rejected += 1
            }
        }
        try noteReplayed(from: before)
        if !new.isEmpty { try setMark(name, ReplayMark(lastRow: last, ended: false)) }
        return .success(.replay(appended))
    }

    private mutating func end(_ name: String) throws {
        let mark = try database.replayMark(name)
        if mark?.ended == true { return }
        for partition in change.nextOffsets.indices {
            _ = try insert(RecordCoder.encodeEnd(replay: name), identity: nil, partition: partition)
        }
        try setMark(name, ReplayMark(lastRow: mark?.lastRow ?? 0, ended: true))
    }

    /// Notes where only rows without identities stand: what comes right behind such a run makes it longer.
    private mutating func noteReplayed(from before: [Int64]) throws {
        for (partition, next) in change.nextOffsets.enumerated() where next > before[partition] {
            let last = change.lastReplayed[partition]
            let run = (last.upperBound == before[partition] ? last.lowerBound : before[partition])..<next
            let insert = try RawStatement(database, "INSERT OR REPLACE INTO replayed VALUES (?, ?, ?)")
            try insert.bind(Int64(partition), at: 1)
            try insert.bind(run.lowerBound, at: 2)
            try insert.bind(run.upperBound, at: 3)
            try insert.run()
            change.lastReplayed[partition] = run
        }
    }

    private func forget(_ partition: Int, before offset: Int64) throws {
        precondition(
            offset < change.nextOffsets[partition],
            "EventTransaction.forget: the newest record of partition \(partition) must stay")
        try database.forget(.event, partition, before: offset)
        let delete = try RawStatement(database, "DELETE FROM replayed WHERE partition = ? AND next <= ?")
        try delete.bind(Int64(partition), at: 1)
        try delete.bind(offset, at: 2)
        try delete.run()
        FaultPoint.retention.pass()
    }

    private func forgetRejected(before time: Int64, limit: Int) throws {
        // Numbers go on from the newest.
        let delete = try RawStatement(
            database,
            """
            DELETE FROM rejected WHERE time < ? AND number IN (
              SELECT number FROM rejected WHERE number < (SELECT max(number) FROM rejected) ORDER BY number LIMIT ?)
            """)
        try delete.bind(time, at: 1)
        try delete.bind(Int64(limit), at: 2)
        try delete.run()
    }

    private mutating func insert(_ record: NewRecord, identity: UInt64?) throws -> Location {
        let partition = Partitioner.partition(ofKey: record.key, count: change.nextOffsets.count)
        return try insert(record.value, identity: identity, partition: partition)
    }

    private mutating func insert(_ value: [UInt8], identity: UInt64?, partition: Int) throws -> Location {
        let offset = change.nextOffsets[partition]
        // A clock that is set back must not take the log with it.
        let time = max(change.lastTimes[partition], time)
        try events[partition].append(
            value, identity: identity.map { Int64(bitPattern: $0) }, offset: offset, time: time)
        change.nextOffsets[partition] = offset + 1
        change.lastTimes[partition] = time
        change.runs[partition].append(StoredRecord(offset: offset, time: time, value: value))
        return Location(partition: partition, offset: offset)
    }

    private mutating func reject(_ record: RejectedRecord) throws {
        let insert = try RawStatement(database, "INSERT INTO rejected VALUES (?, ?, ?, ?, ?, ?, ?)")
        try insert.bind(change.nextRejected, at: 1)
        try insert.bind(record.time, at: 2)
        try insert.bind(record.source, at: 3)
        try insert.bind(record.reason, at: 4)
        try insert.bind(record.line.map { Int64($0) }, at: 5)
        try insert.bind(record.checksum(change.nextRejected), at: 7)
        try insert.run(record.bytes, at: 6)
        change.nextRejected += 1
    }

    private func setMark(_ name: String, _ mark: ReplayMark) throws {
        let insert = try RawStatement(database, "INSERT OR REPLACE INTO replay VALUES (?, ?, ?, ?)")
        try insert.bind(name, at: 1)
        try insert.bind(mark.lastRow, at: 2)
        try insert.bind(mark.ended ? 1 : 0, at: 3)
        try insert.bind(mark.checksum(name), at: 4)
        try insert.run()
    }
}
