import Foundation
import KafkaRig
import Testing

/// A collector whose brokers go away, as its clients see it: over librdkafka's mock, whose sockets are real.
struct SpoolTests {
    private static func event(_ id: String) -> Data {
        Data(#"{"id":"\#(id)","session":"s","type":"pageview","url":"/"}"#.utf8)
    }

    /// The ids on the events topic, as far as they come within half a minute.
    private static func stored(_ count: Int, topic: String, brokers: String) async throws -> [String] {
        struct Record: Decodable { var id: String }
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        let reader = try RawReader(topic, partitions: 2, brokers: brokers)
                        let deadline = ContinuousClock.now + .seconds(30)
                        var ids: [String] = []
                        while ids.count < count, ContinuousClock.now < deadline {
                            guard case .record(_, _, _, let value)? = try reader.next(timeout_ms: 100) else { continue }
                            ids.append(try JSONDecoder().decode(Record.self, from: Data(value)).id)
                        }
                        return ids
                    })
            }
        }
    }

    @Test func whatTheBrokersCannotTakeIsKeptAndSentInOrderAlsoAfterAKill() async throws {
        let cluster = MockCluster()
        for topic in ["events", "scores", "outcomes"] { cluster.create("shop.\(topic)", partitions: 2) }
        for topic in ["rejected", "models", "retrain-lease"] { cluster.create("shop.\(topic)", partitions: 1) }
        let data = try TemporaryDirectory()
        let settings = [
            "--roles", "collect", "--set", "log.kind=kafka", "--set", "kafka.brokers=\(cluster.brokers)",
            "--set", "kafka.topic-prefix=shop", "--set", "kafka.properties.message.timeout.ms=1000",
        ]

        let first = try await RunningServer.start(data: data.path, arguments: settings)
        func post(_ id: String, to server: RunningServer) async throws -> String {
            let (status, body) = try await server.post("/collect", Self.event(id))
            #expect(status == 200)
            return String(decoding: body, as: UTF8.self)
        }
        #expect(try await post("before", to: first).contains(#""durability":"broker""#))

        cluster.setDown()
        for number in 0..<3 {
            #expect(try await post("during-\(number)", to: first).contains(#""durability":"spool""#))
        }
        #expect(
            String(decoding: try await first.get("/metrics").body, as: UTF8.self).contains("dinghy_spool_records 3"))
        await first.kill()

        cluster.setUp()
        let second = try await RunningServer.start(data: data.path, arguments: settings)
        let reply = try await post("after", to: second)
        #expect(reply.contains(#""verdict":"stored""#))
        let ids = try await Self.stored(5, topic: "shop.events", brokers: cluster.brokers)
        #expect(ids == ["before", "during-0", "during-1", "during-2", "after"])
        #expect(await second.stop() == 0)
    }
}
