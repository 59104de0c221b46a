/// The scoring side of a log: gives the partitions this process owns, their records, and commits what was made of them.
///
/// One task pulls `next` in a loop. On the embedded log the first event assigns every partition and none is ever
/// revoked; on Kafka the group decides.
public protocol EventConsumer: Sendable {
    /// The next thing that happened, `.idle` where nothing did within `wait`.
    ///
    /// - Throws: `.mustRejoin` where this member can do no more: drop all state and call `rejoin`.
    func next(limit: Int, wait: Duration) async throws(EventLogError) -> ConsumerEvent

    /// Whether `next` may be called while a `commit` runs, which then may be of records before those that it gives.
    var readsDuringCommit: Bool { get }

    /// Whether `next` has given everything that the partition held when it was last looked at.
    func isCaughtUp(_ partition: Int) -> Bool

    /// Says from which offset an assigned partition is to be read: its position's low-water, or the log's start. No
    /// records of a partition come before this is called.
    func begin(partition: Int, at offset: Int64) async throws(EventLogError)

    /// Commits outputs and positions of any number of partitions, all or nothing.
    ///
    /// - Throws: `.failed` where nothing is known to be committed: the same batches may be sent again. With every other
    ///   error the state must be dropped: `.partitionsLost` where others have the partitions, and `next` says what this
    ///   process gets; `.mustRejoin` where it gets nothing before `rejoin`; `.fenced` where another process has taken
    ///   its place for good.
    func commit(_ batches: [ScoredBatch]) async throws(EventLogError)

    /// Gives back revoked partitions after their last commit.
    func release(_ partitions: [Int]) async throws(EventLogError)

    /// Leaves the group, and joins it again as a new member: nothing that was assigned before is assigned any more.
    func rejoin() async throws(EventLogError)

    /// Leaves the group at once, so that others need not wait until they miss this process.
    func close() async
}

extension EventConsumer {
    public var readsDuringCommit: Bool { false }

    /// `next` with a short wait.
    public func next(limit: Int) async throws(EventLogError) -> ConsumerEvent {
        try await next(limit: limit, wait: .milliseconds(100))
    }
}

public enum ConsumerEvent: Sendable, Equatable {
    case assigned([AssignedPartition])
    case records(partition: Int, [StoredRecord])
    /// Nothing new.
    case idle
    /// These partitions go elsewhere: commit what is folded, then `release`.
    case revoked([Int])
    /// These partitions are gone already: drop their state, commit nothing of it.
    case lost([Int])
}

/// A partition with what the log knows of its past.
public struct AssignedPartition: Sendable, Equatable {
    public var partition: Int
    /// The committed position, as encoded; `nil` where nothing was ever committed.
    public var position: String?
    public var bounds: Range<Int64>

    public init(partition: Int, position: String?, bounds: Range<Int64>) {
        self.partition = partition
        self.position = position
        self.bounds = bounds
    }
}

/// What the fold of a run of records gave, committed atomically with the position behind it.
public struct ScoredBatch: Sendable, Equatable {
    public var partition: Int
    /// The `next` of the committed position that this batch follows; `nil` for the first.
    public var follows: Int64?
    /// The `next` of `position`.
    public var next: Int64
    /// The low-water offset of `position`: retention never passes it.
    public var lowWaterOffset: Int64
    public var position: String
    public var scores: [OutputRecord]
    public var outcomes: [OutputRecord]

    public init(
        partition: Int, follows: Int64?, next: Int64, lowWaterOffset: Int64, position: String,
        scores: [OutputRecord], outcomes: [OutputRecord]
    ) {
        self.partition = partition
        self.follows = follows
        self.next = next
        self.lowWaterOffset = lowWaterOffset
        self.position = position
        self.scores = scores
        self.outcomes = outcomes
    }
}

/// One score or outcome as JSON, keyed like the events it comes from.
public struct OutputRecord: Sendable, Equatable {
    public var key: String
    public var value: [UInt8]

    public init(key: String, value: [UInt8]) {
        self.key = key
        self.value = value
    }
}
