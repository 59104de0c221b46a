import EventLog
import Events

/// What both output records have in common.
protocol OutputJSON: Sendable {
    /// The offset on the events log that the record belongs to; never falls within a stream.
    var offset: Int64 { get }
    init(decoding bytes: [UInt8]) throws(EventError)
}

extension ScoreRecord: OutputJSON {}
extension OutcomeRecord: OutputJSON {}

/// The records of an output stream's partition one by one, up to the end that it had at first.
struct RecordedOutputs<Record: OutputJSON> {
    /// Output offsets.
    let start: Int64
    let end: Int64
    private let partition: Int
    private let reader: any EventReader
    private var buffer: ArraySlice<StoredRecord> = []
    private var next: Int64
    private var head: Record?

    /// - Parameter first: the output offset to begin with; `nil`: the stream's first.
    init(_ outputs: any OutputLog, _ stream: OutputStream, partition: Int, from first: Int64? = nil) async throws {
        let bounds = try await outputs.bounds(stream, partition: partition)
        start = first ?? bounds.lowerBound
        end = bounds.upperBound
        next = start
        self.partition = partition
        reader = try await outputs.reader(stream, partition: partition, from: start)
    }

    /// The next record that can be read; what cannot is a finding.
    mutating func peek(report: inout Audit.Report) async throws -> Record? {
        while head == nil, next < end {
            if buffer.isEmpty {
                let limit = Int(min(2_000, end - next))
                buffer = try await reader.next(limit: limit, wait: AuditedPartition.readWait)[...]
            }
            guard let stored = buffer.popFirst(), stored.offset < end else {
                next = end
                break
            }
            next = stored.offset + 1
            do throws(EventError) {
                head = try Record(decoding: stored.value)
            } catch {
                report.add(partition, stored.offset, "the output record at this output offset is unreadable: \(error)")
            }
        }
        return head
    }

    /// Goes on to the record after the one that `peek` gave.
    mutating func pop() { head = nil }
}
