import EventLog

/// A place in one of the disk's lists that moves forward.
final class VirtualReader: EventReader, @unchecked Sendable {  // As `World`.
    typealias Source = @Sendable (_ offset: Int64, _ limit: Int) throws(EventLogError) -> [StoredRecord]

    private let process: VirtualProcess
    private let source: Source
    private var offset: Int64

    init(_ process: VirtualProcess, from offset: Int64, _ source: @escaping Source) {
        self.process = process
        self.offset = offset
        self.source = source
    }

    /// Never waits: whoever reads here can come again.
    func next(limit: Int, wait: Duration) async throws(EventLogError) -> [StoredRecord] {
        try process.check()
        let records = try source(offset, limit)
        if let last = records.last { offset = last.offset + 1 }
        return records
    }
}

/// What scoring committed, for the product's own examinations.
struct VirtualOutputs: OutputLog {
    let disk: Disk
    let process: VirtualProcess

    var partitionCount: Int { disk.partitions.count }

    func bounds(_ stream: OutputStream, partition: Int) async throws(EventLogError) -> Range<Int64> {
        try process.check()
        let partition = disk.partitions[partition]
        return switch stream {
        case .scores: Int64(partition.removedScores)..<Int64(partition.scores.count)
        case .outcomes: Int64(partition.removedOutcomes)..<Int64(partition.outcomes.count)
        }
    }

    func reader(
        _ stream: OutputStream, partition: Int, from offset: Int64
    ) async throws(EventLogError) -> any EventReader {
        try process.check()
        return VirtualReader(process, from: offset) { [disk] offset, limit in
            let partition = disk.partitions[partition]
            let outputs = stream == .scores ? partition.scores : partition.outcomes
            let start = stream == .scores ? partition.removedScores : partition.removedOutcomes
            // As the embedded log: who is behind goes on with the oldest that there is.
            return outputs.indices.dropFirst(max(start, Int(offset))).prefix(limit).map {
                StoredRecord(offset: Int64($0), time: 0, value: outputs[$0].value)
            }
        }
    }

    func position(partition: Int) async throws(EventLogError) -> String? {
        try process.check()
        return disk.partitions[partition].positionText
    }
}
