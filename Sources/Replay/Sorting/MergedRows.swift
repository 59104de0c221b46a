import HeapModule

/// Sorted sources as one; of equal times, the rows of an earlier source come first.
package final class MergedRows: RowSource {
    /// A source that has a next row, by that row's time.
    private struct Head: Comparable {
        var time: Int64
        var source: Int

        static func < (one: Head, other: Head) -> Bool {
            one.time < other.time || (one.time == other.time && one.source < other.source)
        }
    }

    private let sources: [any RowSource]
    /// Each source's next row.
    private var rows: [TimedRow?]
    private var heads = Heap<Head>()

    init(_ sources: [any RowSource]) throws(ReplayError) {
        self.sources = sources
        rows = []
        for (index, source) in sources.enumerated() {
            let row = try source.next()
            rows.append(row)
            if let row { heads.insert(Head(time: row.time, source: index)) }
        }
    }

    package func next() throws(ReplayError) -> TimedRow? {
        guard let head = heads.min else { return nil }
        let row = rows[head.source]
        rows[head.source] = try sources[head.source].next()
        if let following = rows[head.source] {
            precondition(following.time >= head.time, "MergedRows.next: source \(head.source) is not sorted")
            heads.replaceMin(with: Head(time: following.time, source: head.source))
        } else {
            heads.removeMin()
        }
        return row
    }
}
