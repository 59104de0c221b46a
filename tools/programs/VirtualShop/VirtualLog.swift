import EmbeddedLog
import EventLog
import Events

/// How the log under a simulated shop behaves.
struct LogLaw: Sendable {
    /// As over Kafka: no memory of identities, unknown outcomes without a kill, gaps in the offsets.
    var isKafka = false
    var waitingRecords = 200
    var transactionRecords = 40
    /// One transaction in so many fails; 0: none.
    var failsOneIn = 0
    var slowest_ms = 30
    var limits = EmbeddedLimits()
    /// `nil`: everything is kept.
    var retention: RetentionLaw?
}

/// What retention removes.
struct RetentionLaw: Sendable {
    var age_ms: Int64
    var interval_ms: Int
    /// Records removed by one transaction, and the rest of what the last of them came with.
    var step: Int
}

/// The log in memory: what waits is gathered into transactions, as the embedded log does; a transaction is durable as a
/// whole after a while; a kill takes what waits, and of the transaction under way all or nothing.
final class LogWriter: @unchecked Sendable {  // As `World`.
    enum Work {
        case append([NewRecord])
        case replay(name: String, [ReplayRow])
        case end(String)
        case tick(Int)
        case reject(Int)
        case forget(partition: Int, before: Int64)
    }

    enum Reply {
        case verdicts([AppendVerdict])
        case replay(ReplayAppended)
        case done
    }

    typealias Answer = Result<Reply, EventLogError>

    private struct Pending {
        var work: Work
        var records: Int
        var continuation: UnsafeContinuation<Answer, Never>
    }

    private let world: World
    private let disk: Disk
    private let law: LogLaw
    private let process: VirtualProcess
    private let identities: RecentIdentities
    private var pending: [Pending] = []
    private var waiting = 0
    private var underWay: [Pending] = []
    private var isRunning = false
    private(set) var isClosed = false
    /// The server has been asked to stop.
    var isStopping = false
    /// Whether everything that was to be written is.
    var isIdle: Bool { pending.isEmpty && underWay.isEmpty }
    /// What a log that acknowledges too early has not synced yet.
    private var unsynced: [Int: Int] = [:]

    init(_ world: World, _ disk: Disk, _ law: LogLaw, _ process: VirtualProcess) {
        self.world = world
        self.disk = disk
        self.law = law
        self.process = process
        identities = RecentIdentities(law.limits)
        if !law.isKafka {
            disk.readNextOffsets()
            if world.breakage != .forgottenIdentities { identities.insert(remembered()) }
        }
        process.whenKilled { [weak self] in self?.die() }
    }

    /// As the embedded log does at its start: of every partition the newest records.
    private func remembered() -> [(identity: UInt64, time: Int64)] {
        var recent: [(identity: UInt64, time: Int64, offset: Int64)] = []
        for partition in disk.partitions {
            let newest = zip(partition.records, partition.identities).dropFirst(partition.removed).suffix(
                law.limits.identities / disk.partitions.count)
            for (record, identity) in newest {
                if let identity { recent.append((identity, record.time, record.offset)) }
            }
        }
        return recent.sorted { ($0.time, $0.offset) < ($1.time, $1.offset) }.map { ($0.identity, $0.time) }
    }

    func perform(_ work: Work, records: Int) async throws(EventLogError) -> Reply {
        try process.check()
        if isClosed { throw .closed }
        if !pending.isEmpty, waiting + records > law.waitingRecords { throw .overloaded(retryAfter_s: 1) }
        let answer = await withUnsafeContinuation { continuation in
            pending.append(Pending(work: work, records: records, continuation: continuation))
            waiting += records
            if !isRunning {
                isRunning = true
                world.spawn { [self] in await write() }
            }
        }
        return try answer.get()
    }

    /// Takes nothing more, and returns when all that was taken is written.
    func close() async {
        isClosed = true
        while process.isAlive, !isIdle || world.breakage == .endlessClose { await world.sleep(1) }
    }

    private func write() async {
        while process.isAlive, !pending.isEmpty {
            var count = 1
            var records = pending[0].records
            while count < pending.count, records + pending[count].records <= law.transactionRecords {
                records += pending[count].records
                count += 1
            }
            underWay = Array(pending[..<count])
            pending.removeFirst(count)
            waiting -= records
            unsynced = [:]
            let isEarly = world.breakage == .earlyAcknowledgement
            if isEarly { answer() }
            await world.sleep(world.random.within(0...law.slowest_ms))
            guard process.isAlive else { return }
            if !isEarly { answer() }
        }
        isRunning = false
    }

    private func answer() {
        let group = underWay
        underWay = []
        guard law.failsOneIn == 0 || !world.random.once(in: law.failsOneIn) else {
            // Over Kafka a part may be stored, and the answer lost.
            if law.isKafka {
                for pending in group where world.random.once(in: 2) {
                    guard case .append(let records) = pending.work else { continue }
                    _ = apply(.append(Array(records.prefix(world.random.below(records.count + 1)))))
                }
            }
            world.trace("log: a transaction of \(group.count) fails")
            for pending in group { pending.continuation.resume(returning: .failure(.failed("a disk that fails"))) }
            return
        }
        let answers = write(group)
        for (pending, answer) in zip(group, answers) { pending.continuation.resume(returning: answer) }
    }

    /// One transaction.
    private func write(_ group: [Pending]) -> [Answer] {
        disk.beginTransaction()
        return group.map { pending in
            if world.breakage == .droppedAtClose, isStopping, case .append(let records) = pending.work {
                return .success(.verdicts(records.map { _ in .stored(Location(partition: 0, offset: 0)) }))
            }
            return apply(pending.work)
        }
    }

    private func die() {
        if world.breakage == .earlyAcknowledgement {
            for (partition, count) in unsynced { disk.lose(count, of: partition) }
        }
        if world.breakage == .lostTail { disk.lose(1, of: world.random.below(disk.partitions.count)) }
        // The transaction under way reached the disk or did not; nobody hears of it.
        let isDurable = world.random.once(in: 2)
        if isDurable { _ = write(underWay) }
        for waiting in underWay + pending { waiting.continuation.resume(returning: .failure(.closed)) }
        (underWay, pending) = ([], [])
    }

    // MARK: Transactions

    private func apply(_ work: Work) -> Answer {
        switch work {
        case .append(var records):
            if world.breakage == .reordered, records.count > 1 { records.swapAt(records.count - 1, records.count - 2) }
            return .success(.verdicts(records.map { append($0) }))
        case .replay(let name, let rows):
            return append(rows, ofReplay: name)
        case .end(let name):
            if disk.marks[name]?.ended == true { break }
            for partition in disk.partitions.indices {
                _ = disk.append(RecordCoder.encodeEnd(replay: name), identity: nil, partition: partition)
            }
            disk.marks[name, default: ReplayMark(lastRow: 0, ended: false)].ended = true
        case .tick(let partition):
            if world.breakage != .lostTicks {
                let location = disk.append(RecordCoder.tick, identity: nil, partition: partition)
                world.trace("log: tick at \(partition)/\(location.offset)")
            }
        case .reject(let count):
            disk.rejected += count
        case .forget(let partition, let offset):
            disk.forget(partition, before: offset, age_ms: law.retention?.age_ms ?? 0)
        }
        return .success(.done)
    }

    private func append(_ record: NewRecord) -> AppendVerdict {
        if !law.isKafka, identities.contains(record.identity) { return .duplicate }
        let partition = Partitioner.partition(ofKey: record.key, count: disk.partitions.count)
        var value = record.value
        if world.breakage == .changedID, world.random.once(in: 50), let place = value.firstIndex(of: UInt8(ascii: "-"))
        {
            value[place] = UInt8(ascii: "_")
        }
        let location = disk.append(value, identity: record.identity, partition: partition)
        unsynced[partition, default: 0] += 1
        let time = disk.partitions[partition].lastTime
        if !law.isKafka { identities.insert([(record.identity, time)]) }
        return .stored(location)
    }

    private func append(_ rows: [ReplayRow], ofReplay name: String) -> Answer {
        var mark = disk.marks[name] ?? ReplayMark(lastRow: 0, ended: false)
        let new = rows.drop { $0.number <= mark.lastRow }
        if let first = new.first, first.number != mark.lastRow + 1 {
            return .failure(.replayGap(name: name, expected: mark.lastRow + 1, got: first.number))
        }
        for row in new {
            guard case .event(let record) = row.content else { continue }
            let partition = Partitioner.partition(ofKey: record.key, count: disk.partitions.count)
            _ = disk.append(record.value, identity: nil, partition: partition)
            mark = ReplayMark(lastRow: row.number, ended: false)
        }
        // A transaction of its own leaves a marker on each partition.
        if law.isKafka { for partition in disk.partitions.indices { disk.partitions[partition].nextOffset += 1 } }
        if world.breakage != .lostMark || !world.random.once(in: 3) { disk.marks[name] = mark }
        return .success(.replay(ReplayAppended(stored: new.count, duplicates: rows.count - new.count)))
    }
}

/// The log as one process sees it.
struct VirtualLog: EventLog {
    let world: World
    let disk: Disk
    let writer: LogWriter
    let process: VirtualProcess
    let isKafka: Bool

    var partitionCount: Int { disk.partitions.count }
    var durability: Durability { isKafka ? .broker : .fsync }

    private func perform(_ work: LogWriter.Work, records: Int) async throws(EventLogError) -> LogWriter.Reply {
        try process.check()
        let reply = try await writer.perform(work, records: records)
        // An answer to the dead is heard by nobody.
        try process.check()
        return reply
    }

    func append(_ records: [NewRecord]) async throws(EventLogError) -> [AppendVerdict] {
        guard case .verdicts(let verdicts) = try await perform(.append(records), records: records.count) else {
            preconditionFailure("VirtualLog.append: no verdicts")
        }
        return verdicts
    }

    func append(_ rows: [ReplayRow], ofReplay name: String) async throws(EventLogError) -> ReplayAppended {
        guard case .replay(let appended) = try await perform(.replay(name: name, rows), records: rows.count) else {
            preconditionFailure("VirtualLog.append: no result")
        }
        return appended
    }

    func endReplay(_ name: String) async throws(EventLogError) { _ = try await perform(.end(name), records: 1) }

    func replayMark(_ name: String) async throws(EventLogError) -> ReplayMark? {
        try process.check()
        return disk.marks[name]
    }

    func appendTick(partition: Int) async throws(EventLogError) { _ = try await perform(.tick(partition), records: 1) }

    func reject(_ records: [RejectedRecord]) async throws(EventLogError) {
        _ = try await perform(.reject(records.count), records: records.count)
    }

    func rejected(from number: Int64, limit: Int) async throws(EventLogError) -> [RejectedRecord] { [] }
    func rejectedCount() async throws(EventLogError) -> Int64 { Int64(disk.rejected) }

    func bounds(partition: Int) async throws(EventLogError) -> Range<Int64> {
        try process.check()
        return disk.partitions[partition].start..<disk.partitions[partition].nextOffset
    }

    func firstOffset(partition: Int, atOrAfter time: Int64) async throws(EventLogError) -> Int64 {
        let partition = disk.partitions[partition]
        return partition.records.dropFirst(partition.removed).first { $0.time >= time }?.offset ?? partition.nextOffset
    }

    func reader(partition: Int, from offset: Int64) async throws(EventLogError) -> any EventReader {
        try process.check()
        return VirtualReader(process, from: offset) { [disk] offset, limit throws(EventLogError) in
            try disk.records(partition, from: offset, limit: limit)
        }
    }

    func close() async { await writer.close() }
}
