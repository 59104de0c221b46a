/// The scoring side of a log: gives the partitions this process owns, their records, and commits what was made of them.
///
/// One task pulls `next` in a loop. On the embedded log the first event assigns every partition and none is ever
/// revoked; on Kafka the group decides.
public protocol EventConsumer: Sendable {
    /// The next thing that happened, `.idle` where nothing did within a short while.
    func next(limit: Int) async throws(EventLogError) -> ConsumerEvent

    /// Says from which offset an assigned partition is to be read: its position's low-water, or the log's start. No
    /// records of a partition come before this is called.
    func begin(partition: Int, at offset: Int64) async throws(EventLogError)

    /// Commits outputs and positions of any number of partitions, all or nothing.
    ///
    /// - Throws: `.fenced` where a partition's committed position is no longer the one that this batch follows, or
    ///   another process has taken over: the state must be dropped.
    func commit(_ batches: [ScoredBatch]) async throws(EventLogError)

    /// Gives back revoked partitions after their last commit.
    func release(_ partitions: [Int]) async throws(EventLogError)

    func close() async
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
