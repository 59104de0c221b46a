/// Where a spool is and how large it may grow.
public struct SpoolSettings: Sendable {
    /// Of one collector alone; made where there is none.
    public var directory: String
    /// What its files may take on disk; beyond it events are refused.
    public var maxBytes: Int
    /// A file that has grown to this is followed by another; a file goes when all of it has been drained.
    package var segmentBytes: Int
    /// What may wait for the disk, in memory.
    package var waitingBytes = 64 << 20
    /// The most that one fsync answers for, and that the drainer holds in memory.
    package var batchBytes = 1 << 20
    /// The most records that the drainer sends at a time.
    package var batchRecords = 5_000
    /// How long the drainer rests after a failure, and, when one follows another, at most.
    package var pauses: (first: Duration, longest: Duration) = (.milliseconds(250), .seconds(5))

    public init(directory: String, maxBytes: Int) {
        precondition(maxBytes > 0, "SpoolSettings.maxBytes: must be positive")
        self.directory = directory
        self.maxBytes = maxBytes
        // An eighth, so that room comes back in pieces while the spool drains.
        segmentBytes = min(16 << 20, max(1, maxBytes / 8))
    }
}

/// How a spool stands.
public struct SpoolStatus: Codable, Sendable, Equatable {
    /// What waits for the log: events and rejected inputs, and the bytes of their entries.
    public var records: Int64
    public var bytes: Int64
    /// How long the oldest of them has waited; `nil` where none waits.
    public var oldest_s: Double?
    /// Since the process started: what the log has taken, and what was refused because the spool or its disk was full
    /// or failed.
    public var drained: Int64
    public var refused: Int64

    public init(records: Int64, bytes: Int64, oldest_s: Double?, drained: Int64, refused: Int64) {
        self.records = records
        self.bytes = bytes
        self.oldest_s = oldest_s
        self.drained = drained
        self.refused = refused
    }
}
