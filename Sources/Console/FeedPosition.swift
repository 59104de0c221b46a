public import EventLog

/// How far a reader has come in all partitions of both output streams: the `id` of a server-sent event, and what
/// `Last-Event-ID` brings back. Opaque to clients; any console of the same shop honours it.
public struct FeedPosition: Sendable, Equatable {
    /// The next output offset by partition.
    public private(set) var scores: [Int64]
    public private(set) var outcomes: [Int64]

    public init(partitionCount: Int) {
        scores = Array(repeating: 0, count: partitionCount)
        outcomes = scores
    }

    /// `nil` where the text is no id of a shop with this many partitions.
    public init?(id: String, partitionCount: Int) {
        guard id.utf8.count <= 64 * (partitionCount + 1), id.hasPrefix("1:") else { return nil }
        let pairs = id.dropFirst(2).split(separator: ",", omittingEmptySubsequences: false)
        guard pairs.count == partitionCount else { return nil }
        self.init(partitionCount: partitionCount)
        for (partition, pair) in pairs.enumerated() {
            let numbers = pair.split(separator: "/", omittingEmptySubsequences: false)
            guard numbers.count == 2, let score = Int64(numbers[0]), let outcome = Int64(numbers[1]), score >= 0,
                outcome >= 0
            else { return nil }
            scores[partition] = score
            outcomes[partition] = outcome
        }
    }

    public var id: String {
        "1:" + zip(scores, outcomes).map { "\($0)/\($1)" }.joined(separator: ",")
    }

    public subscript(stream: OutputStream, partition: Int) -> Int64 {
        get { stream == .scores ? scores[partition] : outcomes[partition] }
        set { if stream == .scores { scores[partition] = newValue } else { outcomes[partition] = newValue } }
    }
}
