/// The truth: every event, in order within its partition, durable before it is acknowledged.
///
/// Contract, tried on every implementation by one suite:
/// 1. An append returns when its records are durable; it throws when that is unknown or refused, and then a repetition
///    with the same identities is safe.
/// 2. The order of a partition never changes; offsets rise, and are dense on the embedded log.
/// 3. Reads are bounded in records and memory and see only what is durable.
/// 4. All buffers are bounded: a full one makes `append` throw `.overloaded`.
public protocol EventLog: Sendable {
    /// Fixed for the life of a log.
    var partitionCount: Int { get }
    /// What a `stored` verdict of this log stands for.
    var durability: Durability { get }

    /// Appends live events, each to its key's partition. One verdict per record, in order.
    func append(_ records: [NewRecord]) async throws(EventLogError) -> [AppendVerdict]

    /// Appends rows of a replay together with its mark, all or nothing. Rows at or below the mark are duplicates; a row
    /// that leaves a gap behind the mark is refused with `.replayGap`.
    func append(_ rows: [ReplayRow], ofReplay name: String) async throws(EventLogError) -> ReplayAppended

    /// Appends the replay's end mark to every partition. Ending an ended replay changes nothing; rows appended after
    /// an end revive it.
    func endReplay(_ name: String) async throws(EventLogError)

    /// How far a replay has come; `nil` where none of that name was begun.
    func replayMark(_ name: String) async throws(EventLogError) -> ReplayMark?

    /// Appends a tick to a partition: the live clock moves although nobody came.
    func appendTick(partition: Int) async throws(EventLogError)

    /// Keeps input that could not be used.
    func reject(_ records: [RejectedRecord]) async throws(EventLogError)

    /// Rejected input in order of arrival, from the given number on (0 is the first), at most `limit`.
    func rejected(from number: Int64, limit: Int) async throws(EventLogError) -> [RejectedRecord]
    func rejectedCount() async throws(EventLogError) -> Int64

    /// The offsets a partition holds: from the oldest that retention has left to the next to be written.
    func bounds(partition: Int) async throws(EventLogError) -> Range<Int64>

    /// The first offset whose record was appended at `time` (milliseconds since the epoch) or later; the end of the
    /// partition where there is none.
    func firstOffset(partition: Int, atOrAfter time: Int64) async throws(EventLogError) -> Int64

    /// A reader of one partition from an offset on.
    func reader(partition: Int, from offset: Int64) async throws(EventLogError) -> any EventReader

    /// Why nothing is written any more before a restart (`EventLogError.stopped`); `nil` while the log is written.
    var stopped: String? { get }

    /// Waits for what is under way and gives back what is held. Appends that come later throw `.closed`.
    func close() async
}

extension EventLog {
    public var stopped: String? { nil }
}

/// A place in one partition that moves forward. Used by one task at a time.
public protocol EventReader: Sendable {
    /// The next records, at most `limit`, in order; empty where nothing came within `wait` (zero: only what is there).
    func next(limit: Int, wait: Duration) async throws(EventLogError) -> [StoredRecord]
}

/// Why the log refused or failed.
public enum EventLogError: Error, Equatable, CustomStringConvertible {
    /// A bounded buffer is full; nothing of this append was taken.
    case overloaded(retryAfter_s: Int)
    /// The log is closed or closing.
    case closed
    /// Rows came that do not follow the stored ones.
    case replayGap(name: String, expected: Int64, got: Int64)
    /// A record is larger than the log takes. `limit` is `nil` where the log does not say what it would take.
    case tooLarge(bytes: Int, limit: Int?)
    /// The data directory, a topic or a broker is not usable: what, and what to do about it.
    case unusable(String)
    /// Another process or a later incarnation has taken over: what this one held is no longer its own.
    case fenced(String)
    /// The group has given what this process held to others. The process stays a member, and goes on with what it gets
    /// next.
    case partitionsLost(String)
    /// This member of the group can do no more, but a new one can: `EventConsumer.rejoin`.
    case mustRejoin(String)
    /// The storage failed; whether the records are durable is unknown.
    case failed(String)
    /// The storage failed in a way after which this process can promise nothing more: until a restart has verified what
    /// is there, nothing is written.
    case stopped(String)

    public var description: String {
        switch self {
        case .overloaded(let seconds): "the log's buffer is full, try again in \(seconds) s"
        case .closed: "the log is closed"
        case .replayGap(let name, let expected, let got):
            "replay \(name) continues at row \(expected), but row \(got) was sent: send the rows from \(expected) on"
        case .tooLarge(let bytes, let limit?): "a record of \(bytes) bytes is over the limit of \(limit)"
        case .tooLarge(let bytes, nil): "a record of \(bytes) bytes is over the log's limit"
        case .unusable(let reason), .fenced(let reason), .partitionsLost(let reason), .mustRejoin(let reason),
            .failed(let reason), .stopped(let reason):
            reason
        }
    }
}
