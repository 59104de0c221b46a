import EventLog

/// Finds a place in an output stream by offsets of the events log, which never fall within a stream.
enum OutputSearch {
    /// The first output offset whose record belongs to `offset` of the events log or to a later one; the stream's end
    /// where there is none.
    ///
    /// - Throws: `EventLogError.unusable` where a record on the way cannot be read.
    static func first<Record: OutputJSON>(
        _ stream: OutputStream, _ type: Record.Type, in outputs: any OutputLog, _ partition: Int,
        atOrAfter offset: Int64
    ) async throws -> Int64 {
        var range = try await outputs.bounds(stream, partition: partition)
        while !range.isEmpty {
            let middle = range.lowerBound + (range.upperBound - range.lowerBound) / 2
            let reader = try await outputs.reader(stream, partition: partition, from: middle)
            guard let stored = try await reader.next(limit: 1, wait: .zero).first else {
                // From there on the stream holds nothing but a transaction's marker.
                range = range.lowerBound..<middle
                continue
            }
            let record: Record
            do { record = try Record(decoding: stored.value) } catch {
                throw EventLogError.unusable(
                    "partition \(partition): the output record at offset \(stored.offset) of \(stream.rawValue) is "
                        + "unreadable: \(error)")
            }
            range = record.offset >= offset ? range.lowerBound..<middle : (middle + 1)..<range.upperBound
        }
        return range.lowerBound
    }
}
