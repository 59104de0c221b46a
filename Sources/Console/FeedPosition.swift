package import EventLog
import NIOCore

/// How far a reader has come in all partitions of both output streams: the `id` of a server-sent event, and what
/// `Last-Event-ID` brings back. Opaque to clients; any console of the same shop honours it.
package struct FeedPosition: Sendable, Equatable {
    /// The next output offset by partition.
    package private(set) var scores: [Int64]
    package private(set) var outcomes: [Int64]

    package init(partitionCount: Int) {
        scores = Array(repeating: 0, count: partitionCount)
        outcomes = scores
    }

    /// The id that stands for the oldest records kept.
    package static let startID = "0"

    /// `nil` where the text is no id of a shop with this many partitions.
    package init?(id: String, partitionCount: Int) {
        if id == Self.startID {
            self.init(partitionCount: partitionCount)
            return
        }
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

    package subscript(stream: OutputStream, partition: Int) -> Int64 {
        get { stream == .scores ? scores[partition] : outcomes[partition] }
        set { if stream == .scores { scores[partition] = newValue } else { outcomes[partition] = newValue } }
    }

    /// Records from another position up to this one; 0 where the other is not behind.
    func records(after other: FeedPosition) -> Int64 {
        zip(scores + outcomes, other.scores + other.outcomes).reduce(0) { $0 + max(0, $1.0 - $1.1) }
    }

    package var id: String { "1:" + zip(scores, outcomes).map { "\($0)/\($1)" }.joined(separator: ",") }

    /// Writes an `id:` line. Digit by digit: it goes with every message to every client.
    func writeID(to buffer: inout ByteBuffer) {
        buffer.writeStaticString("id: 1:")
        for partition in scores.indices {
            if partition > 0 { buffer.writeInteger(UInt8(ascii: ",")) }
            Self.write(scores[partition], to: &buffer)
            buffer.writeInteger(UInt8(ascii: "/"))
            Self.write(outcomes[partition], to: &buffer)
        }
        buffer.writeInteger(UInt8(ascii: "\n"))
    }

    private static func write(_ number: Int64, to buffer: inout ByteBuffer) {
        // Up to 15 digits stand in the string itself: nothing is allocated.
        buffer.writeString(number.description)
    }
}
