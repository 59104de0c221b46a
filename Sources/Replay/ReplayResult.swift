/// What became of the rows that were gone through.
public struct ReplayCounts: Sendable, Equatable {
    /// On the log since this replay.
    public var stored: Int
    /// Known from an earlier replay of the name; in live mode, to the log as a recent event.
    public var duplicates: Int
    /// Kept among the rejected input, each with its reason and line.
    public var rejected: Int

    public init(stored: Int = 0, duplicates: Int = 0, rejected: Int = 0) {
        self.stored = stored
        self.duplicates = duplicates
        self.rejected = rejected
    }

    public var rows: Int { stored + duplicates + rejected }
}

/// A row that could not be used.
public struct RowProblem: Sendable, Equatable {
    /// The line of the file on which it starts, from 1.
    public var line: Int
    /// Names the column, where one is at fault.
    public var reason: String

    public init(line: Int, reason: String) {
        self.line = line
        self.reason = reason
    }
}

/// How far a replay is.
public struct ReplayProgress: Sendable, Equatable {
    public enum Phase: String, Sendable {
        /// Through the input once: `done` and `total` are bytes.
        case reading
        /// Merging sorted pieces, where there are many: rows.
        case sorting
        /// Rows that the log has taken or knows.
        case sending
    }

    public var phase: Phase
    public var done: Int64
    /// `nil` where it is not known.
    public var total: Int64?
    public var counts: ReplayCounts
    /// Nothing moves for this long: the next row is not due yet, or the log is full or out of reach.
    public var waiting: Duration?

    public init(
        phase: Phase, done: Int64, total: Int64?, counts: ReplayCounts = ReplayCounts(), waiting: Duration? = nil
    ) {
        self.phase = phase
        self.done = done
        self.total = total
        self.counts = counts
        self.waiting = waiting
    }
}

/// What a replay did.
public struct ReplayResult: Sendable, Equatable {
    public var name: String
    /// Sum up to the rows of the file.
    public var counts: ReplayCounts
    /// The first rejected rows in the replay's order, at most `maxProblems`.
    public var problems: [RowProblem]
    /// The earliest and latest time that a row carries, milliseconds since the epoch; `nil` where no row has one.
    public var span: ClosedRange<Int64>?
    /// The end mark is on the log: the replay's sessions are closed.
    public var ended: Bool
    /// How often the same rows had to be sent again, because the log was full or did not answer.
    public var retries: Int
    /// What sorting put on disk; 0 where the file was in time order or fit into memory.
    public var spilled_bytes: Int64

    public static let maxProblems = 10

    public init(
        name: String, counts: ReplayCounts, problems: [RowProblem], span: ClosedRange<Int64>?, ended: Bool,
        retries: Int, spilled_bytes: Int64
    ) {
        self.name = name
        self.counts = counts
        self.problems = problems
        self.span = span
        self.ended = ended
        self.retries = retries
        self.spilled_bytes = spilled_bytes
    }
}
