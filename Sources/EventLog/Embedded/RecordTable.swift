import EventLog

/// What partitions of records are kept of. Each has two tables: one of rows that hold many records, and under its own
/// name one of rows from before schema 3, to which nothing is added; all offsets there are lower.
enum RecordTable: String, CaseIterable {
    case event
    case score
    case outcome

    /// The table of rows that hold many.
    var batches: String { rawValue + "_batch" }

    var file: String { self == .event ? "events.sqlite" : "scores.sqlite" }

    /// Tells the tables apart in a checksum; never changed.
    var code: Int64 {
        switch self {
        case .event: 1
        case .score: 2
        case .outcome: 3
        }
    }
}

extension OutputStream {
    var table: RecordTable { self == .scores ? .score : .outcome }
}

/// The key of a row that holds many records: one number, since SQLite finds a row by that without reading any other.
struct RecordKey {
    /// No partition gets so far.
    static let endOffset: Int64 = 1 << 47
    private static let bits: Int64 = 48
    private static let partitions = 0...(1 << 14)

    let value: Int64

    /// - Parameter offset: any number; one that no partition gets to stands for the end.
    init(_ partition: Int, _ offset: Int64) {
        precondition(Self.partitions.contains(partition), "RecordKey: no partition \(partition)")
        value = Int64(partition) << Self.bits | min(max(offset, 0), Self.endOffset)
    }

    init(_ value: Int64) { self.value = value }

    var offset: Int64 { value & (1 << Self.bits - 1) }
}
