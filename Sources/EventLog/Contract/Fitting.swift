/// What an append did with one of several records, of which some may be larger than the log takes.
public enum FittingVerdict: Sendable, Equatable {
    case appended(AppendVerdict)
    /// It can never be appended; its neighbours are not harmed.
    case tooLarge(bytes: Int, limit: Int?)
}

extension EventLog {
    /// Appends what the log can take, and says of each of the others that it is too large. One verdict per record, in
    /// order.
    ///
    /// A log refuses an append with a record that is too large as a whole. Where it names its limit, the others are
    /// appended by themselves; where it does not, the append is halved until the record stands alone. What such a log
    /// stored of an append that it refused is stored twice then: the ids tell.
    public func appendWhatFits(_ records: [NewRecord]) async throws(EventLogError) -> [FittingVerdict] {
        let limit: Int?
        do throws(EventLogError) {
            return try await append(records).map { .appended($0) }
        } catch .tooLarge(_, let told) {
            limit = told
        }
        if records.count == 1 { return [.tooLarge(bytes: records[0].value.count, limit: limit)] }
        if let limit, records.contains(where: { $0.value.count > limit }) {
            let fitting = records.filter { $0.value.count <= limit }
            var verdicts = fitting.isEmpty ? [][...] : try await appendWhatFits(fitting)[...]
            return records.map { record in
                record.value.count <= limit
                    ? verdicts.removeFirst() : .tooLarge(bytes: record.value.count, limit: limit)
            }
        }
        let middle = records.count / 2
        return try await appendWhatFits(Array(records[..<middle])) + appendWhatFits(Array(records[middle...]))
    }
}
