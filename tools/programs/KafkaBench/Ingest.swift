import AsyncHTTPClient
import EventLog
import Foundation
import KafkaRig
import NIOCore
import NIOHTTP1

/// A collector process, posts of 100 events, 16 at a time, each acknowledged by the brokers.
enum Ingest {
    private static let batch = 100
    private static let concurrency = 16

    static func run(_ bench: Bench) async throws -> [Line] {
        try await bench.shop("ingest", partitions: 6, scores: false) { workplace, topics in
            let server = try await bench.start(workplace, "collector", "collect")
            defer { server.child.signal(SIGKILL) }
            let started = ContinuousClock.now
            let end = started + bench.sizes.length
            let acknowledged = try await withThrowingTaskGroup(of: Int.self) { group in
                for client in 0..<concurrency {
                    group.addTask {
                        var posts = 0
                        while ContinuousClock.now < end {
                            try await post(to: server.url, client: client, number: posts)
                            posts += 1
                        }
                        return posts * batch
                    }
                }
                return try await group.reduce(0, +)
            }
            let elapsed = ContinuousClock.now - started
            await server.child.stop()
            // As many again, in the same run.
            let alone = try Reference.produce(
                topics.name("events"), brokers: bench.cluster.brokers, records: min(max(acknowledged, 1_000), 1_000_000)
            )
            return [
                Line(
                    name: "collector, posts of \(batch)", value: Text.rate(acknowledged, in: elapsed),
                    target: "≥ 100000/s",
                    notes: "durability broker, \(concurrency) posts at a time; librdkafka alone \(alone)")
            ]
        }
    }

    private static func post(to url: String, client: Int, number: Int) async throws {
        let first = number * batch
        let events = (first..<first + batch).map { Events.json($0, session: "c\(client)-\($0 / 10)") }
        var request = HTTPClientRequest(url: url + "/collect")
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(string: "[\(events.joined(separator: ","))]"))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let text = String(buffer: try await response.body.collect(upTo: 8 << 20))
        guard response.status == .ok, text.contains("\"stored\":\(batch)") else {
            throw EventLogError.failed("a post was answered with \(response.status): \(text.prefix(300))")
        }
    }
}
