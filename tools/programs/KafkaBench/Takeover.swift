import EventLog
import Foundation
import KafkaRig

/// A partition full of open sessions goes from one scorer to the other: how long until an event that came after the
/// first one went has its score.
enum Takeover {
    static func run(_ bench: Bench) async throws -> [Line] {
        // The group's range assignment gives the one partition to the first by name.
        try await bench.shop("takeover", partitions: 1, scores: true) { workplace, topics in
            let producer = try RawProducer(topics.name("events"), brokers: bench.cluster.brokers)
            for number in 0..<bench.sizes.sessions {
                try producer.produceWaiting(
                    key: "s:t\(number)", value: Array(Events.json(number, session: "t\(number)").utf8))
            }
            try producer.flush(timeout_ms: 120_000)
            let watch = ScoreWatch(topics, brokers: bench.cluster.brokers)
            let a = try await bench.start(workplace, "a", "score")
            defer { a.child.signal(SIGKILL) }
            let deadline = ContinuousClock.now + .seconds(300)
            while watch.count < bench.sizes.sessions {
                guard ContinuousClock.now < deadline else { throw EventLogError.failed("the sessions are not scored") }
                try await Task.sleep(for: .milliseconds(50))
            }
            let b = try await bench.start(workplace, "b", "score")
            defer { b.child.signal(SIGKILL) }
            try await probe("settled-1", producer, watch)
            var gone = ContinuousClock.now
            a.child.signal(SIGTERM)
            let afterOrderly = try await probe("orderly", producer, watch) - gone
            await a.child.wait()
            // Its return is a revocation in order too; then it has everything again.
            let again = try await bench.start(workplace, "a", "score")
            defer { again.child.signal(SIGKILL) }
            try await probe("settled-2", producer, watch, quiet: .seconds(bench.cluster.isReal ? 15 : 1))
            gone = .now
            again.child.signal(SIGKILL)
            let afterKill = try await probe("killed", producer, watch) - gone
            await watch.end()
            await b.child.stop()
            let notes = "\(bench.sizes.sessions) open sessions on one partition, session.timeout.ms 10000"
            return [
                Line(name: "takeover after SIGTERM", value: Text.seconds(afterOrderly), target: "< 5 s", notes: notes),
                Line(name: "takeover after kill -9", value: Text.seconds(afterKill), target: "< 30 s", notes: notes),
            ]
        }
    }

    /// Writes an event of a session of its own and waits for its score; gives when that could be read.
    ///
    /// - Parameter quiet: waits this long first, so that a rebalance under way has ended.
    @discardableResult
    private static func probe(
        _ session: String, _ producer: RawProducer, _ watch: ScoreWatch, quiet: Duration = .seconds(1)
    ) async throws -> ContinuousClock.Instant {
        if session.hasPrefix("settled") { try await Task.sleep(for: quiet) }
        try producer.produce(key: "s:\(session)", value: Array(Events.json(0, session: session).utf8))
        try producer.flush()
        return try await watch.first(of: "s:\(session)", within: .seconds(120))
    }
}
