package import EventLog

/// What the group has committed of the partitions that a member holds, as far as the member knows. Pure: decides what of
/// a commit is still to be sent, and whether it may be.
package struct CommitLedger: Sendable, Equatable {
    private enum Entry: Sendable, Equatable {
        case nothing
        case next(Int64)

        init(_ offset: Int64?) { self = offset.map { .next($0) } ?? .nothing }
    }

    private var entries: [Int: Entry] = [:]

    package init() {}

    /// A partition that is held from now on, with the committed offset.
    package mutating func hold(_ partition: Int, committed offset: Int64?) { entries[partition] = Entry(offset) }

    /// What the brokers say after a commit whose outcome was not known. Partitions that are not held stay so.
    package mutating func refresh(_ partition: Int, committed offset: Int64?) {
        if entries[partition] != nil { entries[partition] = Entry(offset) }
    }

    package mutating func release() { entries = [:] }

    /// The batches that are not committed yet.
    ///
    /// - Throws: `.partitionsLost` where a partition is not held, `.mustRejoin` where its committed position is not the
    ///   one that a batch follows.
    package func pending(_ batches: [ScoredBatch]) throws(EventLogError) -> [ScoredBatch] {
        var pending: [ScoredBatch] = []
        for batch in batches {
            guard let entry = entries[batch.partition] else {
                throw .partitionsLost("partition \(batch.partition) is no longer held: its next owner scores it")
            }
            // An earlier attempt whose answer was lost has done it all.
            if entry == .next(batch.next) { continue }
            guard entry == Entry(batch.follows) else {
                throw .mustRejoin(
                    "partition \(batch.partition) is committed up to \(Self.text(entry)), this batch follows "
                        + "\(Self.text(Entry(batch.follows))): another process scores it, or its offsets were reset")
            }
            pending.append(batch)
        }
        return pending
    }

    package mutating func committed(_ batches: [ScoredBatch]) {
        for batch in batches { entries[batch.partition] = .next(batch.next) }
    }

    private static func text(_ entry: Entry) -> String {
        switch entry {
        case .nothing: "nothing"
        case .next(let offset): String(offset)
        }
    }
}
