public import EventLog
import Events
public import Logging

/// A log that stands before another and takes live events, and rejected input, while that one cannot.
///
/// 1. What the inner log fails to take goes to the spool on disk and is answered with `.spooled`, after an fsync.
/// 2. While anything is spooled, whatever comes goes behind it: the order in which one sender was answered is the order
///    on the log. Events that were under way together when the log failed have no order among each other.
/// 3. What is spooled reaches the inner log in order, at least once, also after a crash; a second copy has the first
///    one's id, by which the fold recognises it.
/// 4. A full spool or disk refuses with `.overloaded`.
/// 5. Replays, ticks and all reading go to the inner log alone: a replay has its own mark and resumes, and a tick tells
///    of a time that is gone when it comes late.
public final class SpooledLog: EventLog {
    private let inner: any EventLog
    private let spool: Spool
    private let logger: Logger
    private let draining: Task<Void, Never>

    private init(_ inner: any EventLog, spool: Spool, drainer: Drainer, logger: Logger) {
        self.inner = inner
        self.spool = spool
        self.logger = logger
        draining = Task.detached { await drainer.run() }
    }

    /// Opens the spool and begins to drain what an earlier process left in it.
    ///
    /// - Parameter now: milliseconds since the epoch.
    /// - Throws: `.unusable` where the spool's directory is in use, of another version, or not usable.
    public static func open(
        over inner: any EventLog, _ settings: SpoolSettings, logger: Logger, now: @escaping @Sendable () -> Int64
    ) async throws(EventLogError) -> SpooledLog {
        let spool = try await Spool.open(settings, logger: logger, now: now)
        let waiting = spool.status.records
        if waiting > 0 { logger.notice("\(waiting) entries wait in the spool \(settings.directory)") }
        let drainer = Drainer(spool: spool, log: inner, pauses: settings.pauses, logger: logger, now: now)
        return SpooledLog(inner, spool: spool, drainer: drainer, logger: logger)
    }

    public var status: SpoolStatus { spool.status }

    // MARK: Appending

    public func append(_ records: [NewRecord]) async throws(EventLogError) -> [AppendVerdict] {
        guard !records.isEmpty else { return [] }
        for record in records where record.value.count > EventLimits.recordBytes {
            throw .tooLarge(bytes: record.value.count, limit: EventLimits.recordBytes)
        }
        return try await past { log throws(EventLogError) in
            try await log.append(records)
        } orKeep: { spool throws(EventLogError) in
            try await spool.keep(records.map { .event($0) })
            return records.map { _ in .spooled }
        }
    }

    public func reject(_ records: [RejectedRecord]) async throws(EventLogError) {
        guard !records.isEmpty else { return }
        try await past { log throws(EventLogError) in
            try await log.reject(records)
        } orKeep: { spool throws(EventLogError) in
            try await spool.keep(records.map { .rejected($0) })
        }
    }

    private func past<Value: Sendable>(
        _ append: (any EventLog) async throws(EventLogError) -> Value,
        orKeep keep: (Spool) async throws(EventLogError) -> Value
    ) async throws(EventLogError) -> Value {
        switch spool.arrive() {
        case .closed: throw .closed
        case .behind: return try await keep(spool)
        case .past: break
        }
        defer { spool.passed() }
        do throws(EventLogError) {
            return try await append(inner)
        } catch {
            switch error {
            // It is well and said no.
            case .overloaded, .closed, .replayGap, .tooLarge: throw error
            case .unusable, .fenced, .partitionsLost, .mustRejoin, .failed, .stopped:
                if !spool.isSpooling { logger.warning("the log takes no events, which are spooled now: \(error)") }
                return try await keep(spool)
            }
        }
    }

    /// Ends draining, wherever it is: what is left is drained after the next start. Closes the inner log last.
    public func close() async {
        spool.refuse()
        draining.cancel()
        await draining.value
        await spool.close()
        await inner.close()
    }

    // MARK: What the inner log does alone

    public var partitionCount: Int { inner.partitionCount }

    public var durability: Durability { inner.durability }

    public func append(_ rows: [ReplayRow], ofReplay name: String) async throws(EventLogError) -> ReplayAppended {
        try await inner.append(rows, ofReplay: name)
    }

    public func endReplay(_ name: String) async throws(EventLogError) { try await inner.endReplay(name) }

    public func replayMark(_ name: String) async throws(EventLogError) -> ReplayMark? {
        try await inner.replayMark(name)
    }

    public func appendTick(partition: Int) async throws(EventLogError) {
        try await inner.appendTick(partition: partition)
    }

    public func rejected(from number: Int64, limit: Int) async throws(EventLogError) -> [RejectedRecord] {
        try await inner.rejected(from: number, limit: limit)
    }

    public func rejectedCount() async throws(EventLogError) -> Int64 { try await inner.rejectedCount() }

    public func bounds(partition: Int) async throws(EventLogError) -> Range<Int64> {
        try await inner.bounds(partition: partition)
    }

    public func firstOffset(partition: Int, atOrAfter time: Int64) async throws(EventLogError) -> Int64 {
        try await inner.firstOffset(partition: partition, atOrAfter: time)
    }

    public func reader(partition: Int, from offset: Int64) async throws(EventLogError) -> any EventReader {
        try await inner.reader(partition: partition, from: offset)
    }
}
