import EventLog
import Foundation
import KafkaRig
import Synchronization

/// When the first committed score of each key could be read.
final class ScoreWatch: Sendable {
    private let state = Mutex(
        (seen: [String: ContinuousClock.Instant](), failure: EventLogError?.none, isEnding: false, isOver: false))

    init(_ topics: ShopTopics, brokers: String) {
        Thread.detachNewThread { [self] in
            do throws(EventLogError) {
                let reader = try RawReader(topics.name("scores"), partitions: topics.partitions, brokers: brokers)
                while !state.withLock({ $0.isEnding }) {
                    guard case .record(_, _, let bytes?, _) = try reader.next(timeout_ms: 50) else { continue }
                    let key = String(decoding: bytes, as: UTF8.self)
                    let now = ContinuousClock.now
                    state.withLock { if $0.seen[key] == nil { $0.seen[key] = now } }
                }
            } catch {
                state.withLock { $0.failure = error }
            }
            state.withLock { $0.isOver = true }
        }
    }

    /// How many keys have a score.
    var count: Int { state.withLock { $0.seen.count } }

    @discardableResult
    func first(of key: String, within limit: Duration) async throws -> ContinuousClock.Instant {
        let deadline = ContinuousClock.now + limit
        while true {
            let (seen, failure) = state.withLock { ($0.seen[key], $0.failure) }
            if let failure { throw failure }
            if let seen { return seen }
            guard ContinuousClock.now < deadline else {
                throw EventLogError.failed("no score of \(key) within \(limit)")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    func end() async {
        state.withLock { $0.isEnding = true }
        while !state.withLock({ $0.isOver }) { try? await Task.sleep(for: .milliseconds(10)) }
    }
}
