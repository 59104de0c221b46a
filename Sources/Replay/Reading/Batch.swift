import EventLog

/// Rows that are ready to be sent, in the replay's order: one place of each array belongs to each row.
struct Batch: Sendable {
    var rows: [ReplayRow] = []
    /// The line of the file on which each row starts.
    var lines: [Int] = []
    /// When each row is due, milliseconds since the epoch. Never falls.
    var dues: [Int64] = []

    var isEmpty: Bool { rows.isEmpty }

    /// The rows that are due: how many of the first ones.
    func dueCount(at now: Int64) -> Int {
        if let last = dues.last, last <= now { return dues.count }
        return dues.firstIndex { $0 > now } ?? dues.count
    }

    /// Takes the first rows out.
    mutating func removeFirst(_ count: Int) -> Batch {
        if count == rows.count {
            defer { self = Batch() }
            return self
        }
        let first = Batch(
            rows: Array(rows.prefix(count)), lines: Array(lines.prefix(count)), dues: Array(dues.prefix(count)))
        rows.removeFirst(count)
        lines.removeFirst(count)
        dues.removeFirst(count)
        return first
    }
}

/// How much is sent at a time.
public struct BatchLimits: Sendable, Equatable {
    public var rows: Int
    /// Counted as it goes over HTTP: rejected rows with their bytes in base 64.
    public var bytes: Int

    public init(rows: Int, bytes: Int) {
        precondition(rows > 0 && bytes > 0, "BatchLimits.init: a batch holds something")
        self.rows = rows
        self.bytes = bytes
    }
}
