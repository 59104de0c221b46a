/// A record on its way to the `events` log.
public struct NewRecord: Sendable, Equatable {
    /// The session key: decides the partition (`Partitioner.partition(ofKey:count:)`).
    public var key: String
    /// The record's JSON, at most `EventLimits.recordBytes`.
    public var value: [UInt8]
    /// `StableHash` over session key and event id, by which an append recognises a live event that it stored before.
    public var identity: UInt64

    public init(key: String, value: [UInt8], identity: UInt64) {
        self.key = key
        self.value = value
        self.identity = identity
    }
}

/// A record of the `events` log.
public struct StoredRecord: Sendable, Equatable {
    public var offset: Int64
    /// When it was appended: milliseconds since the epoch, never decreasing within an embedded partition.
    public var time: Int64
    public var value: [UInt8]

    public init(offset: Int64, time: Int64, value: [UInt8]) {
        self.offset = offset
        self.time = time
        self.value = value
    }
}

/// Where a record is stored.
public struct Location: Sendable, Equatable, Hashable {
    public var partition: Int
    public var offset: Int64

    public init(partition: Int, offset: Int64) {
        self.partition = partition
        self.offset = offset
    }
}

/// What an append did with one record. All of them are durable when the append returns.
public enum AppendVerdict: Sendable, Equatable {
    case stored(Location)
    /// Kept on this machine's disk until the log can be reached (`Durability.spool`): it has no place there yet.
    case spooled
    /// The same identity was stored before, within what the log remembers.
    case duplicate
}

/// How a stored record survives.
public enum Durability: String, Sendable {
    /// On this machine's disk, after an fsync.
    case fsync
    /// Acknowledged by all in-sync replicas of a Kafka topic.
    case broker
    /// On this machine's disk, waiting for the broker.
    case spool
}

/// Input that could not be used, kept with its reason so that it can be replayed after a correction.
public struct RejectedRecord: Sendable, Equatable {
    /// Milliseconds since the epoch.
    public var time: Int64
    /// Where it came from: `collect`, a replay's name, or `events/PARTITION/OFFSET` of a record that stands on the log.
    public var source: String
    /// What was wrong, naming the field.
    public var reason: String
    /// The line of the file it came from, where it came from one.
    public var line: Int?
    /// The original bytes, the first `maxBytes` of them.
    public var bytes: [UInt8]

    public static let maxBytes = 4_096

    public init(time: Int64, source: String, reason: String, line: Int? = nil, bytes: some Sequence<UInt8>) {
        self.time = time
        self.source = source
        self.reason = reason
        self.line = line
        self.bytes = Array(bytes.prefix(Self.maxBytes))
    }
}

/// One row of a replay, in the replay's order.
public struct ReplayRow: Sendable, Equatable {
    public enum Content: Sendable, Equatable {
        case event(NewRecord)
        case rejected(RejectedRecord)
    }
    /// 1 for the replay's first row; each row's number is its predecessor's plus one.
    public var number: Int64
    public var content: Content

    public init(number: Int64, content: Content) {
        self.number = number
        self.content = content
    }
}

/// How far a replay has come: kept in the same transaction as the rows.
public struct ReplayMark: Sendable, Equatable {
    /// The last row stored or rejected: rows up to it are duplicates.
    public var lastRow: Int64
    /// The end mark is on every partition.
    public var ended: Bool

    public init(lastRow: Int64, ended: Bool) {
        self.lastRow = lastRow
        self.ended = ended
    }
}

/// What an append of replay rows did.
public struct ReplayAppended: Sendable, Equatable {
    public var stored: Int
    public var rejected: Int
    /// Rows at or below the mark.
    public var duplicates: Int

    public init(stored: Int = 0, rejected: Int = 0, duplicates: Int = 0) {
        self.stored = stored
        self.rejected = rejected
        self.duplicates = duplicates
    }
}
