import ChaosChecks
import EventLog
import Foundation
import KafkaRig
import Synchronization

/// Reads all topics of a shop while it runs, committed records only, and keeps the books.
final class Witness: Sendable {
    private struct State {
        var books: Books
        /// By topic and partition, the offset up to which everything has been read.
        var read: [String: [Int64]]
        var failure: EventLogError?
        var isEnding = false
        var running = 0
    }

    private let state: Mutex<State>
    private static let topics = ["events", "scores", "outcomes", "rejected"]

    init(_ topics: ShopTopics, brokers: String) {
        let counts = Dictionary(
            uniqueKeysWithValues: Self.topics.map { ($0, $0 == "rejected" ? 1 : topics.partitions) })
        state = Mutex(
            State(
                books: Books(partitions: topics.partitions),
                read: counts.mapValues { Array(repeating: 0, count: $0) }, running: counts.count))
        for (topic, count) in counts {
            Thread.detachNewThread { [self] in
                do throws(EventLogError) {
                    try read(topic, RawReader(topics.name(topic), partitions: count, brokers: brokers))
                } catch {
                    state.withLock { $0.failure = $0.failure ?? error }
                }
                state.withLock { $0.running -= 1 }
            }
        }
    }

    private func read(_ topic: String, _ reader: RawReader) throws(EventLogError) {
        while !state.withLock({ $0.isEnding }) {
            guard let item = try reader.next(timeout_ms: 100) else { continue }
            state.withLock { state in
                switch item {
                case .record(let partition, let offset, let key, let value):
                    state.read[topic]?[partition] = offset + 1
                    switch topic {
                    case "events": state.books.take(event: value, key: key, partition: partition, offset: offset)
                    case "scores": state.books.take(score: value, partition: partition, offset: offset)
                    case "outcomes": state.books.take(outcome: value, partition: partition, offset: offset)
                    default: state.books.take(rejected: value)
                    }
                case .end(let partition, let next): state.read[topic]?[partition] = next
                }
            }
        }
    }

    /// Looks at the books, where they stand now.
    func look<R>(_ body: (borrowing Books) -> R) throws -> R where R: Sendable {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            return body(state.books)
        }
    }

    var read: [String: [Int64]] { state.withLock { $0.read } }

    /// Waits until everything that the topics hold has been read; false where that takes too long.
    func caughtUp(_ topics: ShopTopics, brokers: String, within limit: Duration) async throws -> Bool {
        let deadline = ContinuousClock.now + limit
        for topic in Self.topics {
            let count = topic == "rejected" ? 1 : topics.partitions
            let probe = try RawReader(topics.name(topic), partitions: count, brokers: brokers, fromEnd: true)
            var ends = probe.ends()
            while ends == nil || zip(read[topic] ?? [], ends ?? []).contains(where: { $0 < $1 }) {
                guard ContinuousClock.now < deadline else { return false }
                if let failure = state.withLock({ $0.failure }) { throw failure }
                try await Task.sleep(for: .milliseconds(100))
                ends = ends ?? probe.ends()
            }
        }
        return true
    }

    func end() async {
        state.withLock { $0.isEnding = true }
        while state.withLock({ $0.running > 0 }) { try? await Task.sleep(for: .milliseconds(20)) }
    }
}
