import EventLog
import Foundation
import KafkaRig

/// A scorer process that finds a log full of events: consume, fold, score, commit, from the first committed score to
/// the last.
enum ScoringRate {
    static func run(_ bench: Bench) async throws -> [Line] {
        try await bench.shop("scoring", partitions: 6, scores: true) { workplace, topics in
            let producer = try RawProducer(topics.name("events"), brokers: bench.cluster.brokers)
            for number in 0..<bench.sizes.events {
                let session = "s\(number / 10)"
                try producer.produceWaiting(
                    key: "s:\(session)", value: Array(Events.json(number, session: session).utf8))
            }
            try producer.flush(timeout_ms: 120_000)
            let server = try await bench.start(workplace, "scorer", "score")
            defer { server.child.signal(SIGKILL) }
            let reader = try RawReader(
                topics.name("scores"), partitions: topics.partitions, brokers: bench.cluster.brokers)
            let deadline = ContinuousClock.now + .seconds(600)
            var first: ContinuousClock.Instant?
            var seen = 0
            while seen < bench.sizes.events {
                guard ContinuousClock.now < deadline, server.child.exitCode == nil else {
                    throw EventLogError.failed(
                        "only \(seen) of \(bench.sizes.events) scores came: \(Server.tail(workplace.log("scorer")))")
                }
                guard case .record = try reader.next(timeout_ms: 1_000) else { continue }
                if first == nil { first = .now }
                seen += 1
            }
            let elapsed = ContinuousClock.now - (first ?? .now)
            await server.child.stop()
            return [
                Line(
                    name: "scorer, end to end", value: Text.rate(seen, in: elapsed), target: "≥ 100000/s",
                    notes: "\(seen) events of sessions of 10, \(topics.partitions) partitions, one process")
            ]
        }
    }
}
