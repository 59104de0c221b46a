public import EventLog
import Events
public import Sessions

/// What a partition's position was when it had been folded up to an earlier offset: made again from the log and the
/// records of what was scored, for a log that has lost its end.
public struct EarlierPosition: Sendable, Equatable {
    public var position: Position
    /// Output offsets at which scores and outcomes then ended.
    public var scoresEnd: Int64
    public var outcomesEnd: Int64

    /// The largest offset on the events log that a partition's last score or outcome belongs to; `nil` where there are
    /// none. The last of a stream that cannot be read counts as none.
    public static func lastOffset(
        _ outputs: any OutputLog, partition: Int, in streams: [OutputStream] = OutputStream.allCases
    ) async throws(EventLogError) -> Int64? {
        var offsets: [Int64] = []
        for stream in streams {
            let bounds = try await outputs.bounds(stream, partition: partition)
            guard !bounds.isEmpty else { continue }
            let reader = try await outputs.reader(stream, partition: partition, from: bounds.upperBound - 1)
            guard let value = try await reader.next(limit: 1, wait: .zero).first?.value else { continue }
            let offset =
                stream == .scores
                ? try? ScoreRecord(decoding: value).offset : try? OutcomeRecord(decoding: value).offset
            if let offset { offsets.append(offset) }
        }
        return offsets.max()
    }

    /// - Parameters:
    ///   - next: the position's.
    ///   - start: where the accounting began, or the log where that no longer reaches so far back.
    ///   - progress: records folded, and to fold.
    /// - Throws: `EventLogError` where log or outputs cannot be read up to `next`.
    public init(
        _ partition: Int, at next: Int64, start: Int64, events: any EventLog, outputs: any OutputLog,
        parameters: FoldParameters = .standard, progress: (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) async throws {
        var fold = SessionFold(start: start, parameters: parameters)
        let firstScore = try await OutputSearch.first(
            .scores, ScoreRecord.self, in: outputs, partition, atOrAfter: start)
        scoresEnd = try await OutputSearch.first(.scores, ScoreRecord.self, in: outputs, partition, atOrAfter: next)
        outcomesEnd = try await OutputSearch.first(
            .outcomes, OutcomeRecord.self, in: outputs, partition, atOrAfter: next)
        let reader = try await events.reader(partition: partition, from: start)
        while fold.nextOffset < next {
            let records = try await reader.next(limit: Int(min(4_000, next - fold.nextOffset)), wait: .zero)
            if records.isEmpty {
                throw EventLogError.unusable("partition \(partition) ends at offset \(fold.nextOffset), before \(next)")
            }
            for record in records where record.offset < next {
                _ = fold.fold(
                    offset: record.offset, time: record.time, entry: try? RecordCoder.decode(record.value),
                    scoring: false
                ) { _ in }
            }
            progress(fold.nextOffset - start, next - start)
        }
        position = fold.position()
        // This fold counted every step as unscored; the records say how many of them a model scored.
        position.counters.scored = scoresEnd - firstScore
        position.counters.unscored -= position.counters.scored
    }
}
