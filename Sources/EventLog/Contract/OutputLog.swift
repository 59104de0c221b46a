/// The reading side of what scoring committed. Readers never see outputs whose commit is not complete.
public protocol OutputLog: Sendable {
    var partitionCount: Int { get }

    /// The output offsets a partition holds of a stream. Output offsets are the stream's own, not the events'.
    func bounds(_ stream: OutputStream, partition: Int) async throws(EventLogError) -> Range<Int64>

    /// A reader of one partition of a stream from an output offset on. `EventReader`'s contract holds; a record's time
    /// is when it was committed.
    func reader(_ stream: OutputStream, partition: Int, from offset: Int64) async throws(EventLogError)
        -> any EventReader

    /// The committed position of a partition, as encoded.
    func position(partition: Int) async throws(EventLogError) -> String?

    /// Whether every output offset is a record's, from 0 on, so that offsets count records; not where transactions leave
    /// markers among them.
    var offsetsCountRecords: Bool { get }
}

extension OutputLog {
    public var offsetsCountRecords: Bool { false }
}

public enum OutputStream: String, Sendable, CaseIterable {
    case scores
    case outcomes
}
