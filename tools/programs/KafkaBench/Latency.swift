import AsyncHTTPClient
import EventLog
import Foundation
import KafkaRig
import NIOCore
import NIOHTTP1

/// From the moment a post was due to the moment its score can be read, at a fixed rate of arrivals: one event a post,
/// sent when it is due whatever became of those before it.
enum Latency {
    static func run(_ bench: Bench) async throws -> [Line] {
        try await bench.shop("latency", partitions: 6, scores: true) { workplace, topics in
            let collector = try await bench.start(workplace, "collector", "collect")
            defer { collector.child.signal(SIGKILL) }
            let scorer = try await bench.start(workplace, "scorer", "score")
            defer { scorer.child.signal(SIGKILL) }
            let watch = ScoreWatch(topics, brokers: bench.cluster.brokers)
            // The group has begun when a first score comes.
            try await post(to: collector.url, session: "warm", id: -1)
            try await watch.first(of: "s:warm", within: .seconds(60))

            let count = bench.sizes.rate * Int(bench.sizes.length / .seconds(1))
            let started = ContinuousClock.now
            let pause = Duration.seconds(1) / bench.sizes.rate
            let failed = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<count {
                    let due = started + pause * number
                    if due > .now { try? await Task.sleep(until: due, clock: .continuous) }
                    group.addTask {
                        (try? await post(to: collector.url, session: "l\(number)", id: number)) != nil
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 0 : 1) }
            }
            guard failed == 0 else { throw EventLogError.failed("\(failed) of \(count) posts failed") }
            var latencies: [Duration] = []
            for number in 0..<count {
                let seen = try await watch.first(of: "s:l\(number)", within: .seconds(60))
                latencies.append(seen - (started + pause * number))
            }
            await watch.end()
            await collector.child.stop()
            await scorer.child.stop()
            return [
                Line(
                    name: "POST to committed score at \(bench.sizes.rate)/s", value: Text.percentiles(latencies),
                    target: "p99 < 250 ms", notes: "open loop, \(count) posts of one event, read_committed reader")
            ]
        }
    }

    private static func post(to url: String, session: String, id: Int) async throws {
        var request = HTTPClientRequest(url: url + "/collect")
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(string: Events.json(id, session: session)))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        guard response.status == .ok else { throw EventLogError.failed("a post was answered with \(response.status)") }
        _ = try await response.body.collect(upTo: 1 << 20)
    }
}
