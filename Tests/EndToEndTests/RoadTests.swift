import Foundation
import Testing

/// The whole road as a user walks it: commands, requests, files.
@Suite(.serialized)
struct RoadTests {
    @Test func anEventPostedIsScoredAndFound() async throws {
        let data = try await SimulatedShop.dataDirectory()
        let server = try await RunningServer.start(data: data.path)
        let (status, reply) = try await server.post(
            "/collect",
            Data(
                #"[{"id":"a","session":"w1","type":"detail","sku":"p1"},{"id":"b","session":"w1","type":"add","sku":"p1"}]"#
                    .utf8))
        #expect(status == 200)
        #expect(String(decoding: reply, as: UTF8.self).contains(#""durability":"fsync""#))
        _ = try await server.settled()
        let tailed = try await Program.run(
            ["tail", "--url", server.url, "--count", "1", "--json", "--from-start", "--session", "w1"])
        #expect(tailed.code == 0, "\(tailed.error)")
        #expect(tailed.output.contains(#""key":"s:w1""#))
        let found = try await server.get("/sessions/w1")
        #expect(found.status == 200)
        #expect(String(decoding: found.body, as: UTF8.self).contains(#""prefix":2"#))
        #expect(try await server.get("/health/ready").status == 200)
        #expect(
            String(decoding: try await server.get("/metrics").body, as: UTF8.self).contains("dinghy_events_pending"))
        #expect(try await server.get("/").status == 200)
        #expect(await server.stop() == 0)
    }

    @Test func aReplayRepeatedChangesNothing() async throws {
        let data = try await SimulatedShop.dataDirectory()
        let shop = try await SimulatedShop.shared.value
        let server = try await RunningServer.start(data: data.path)
        let first = try await Program.run(["replay", shop.csv, "--url", server.url, "--json"])
        #expect(first.code == 0, "\(first.error)")
        let before = try await server.settled()
        let second = try await Program.run(["replay", shop.csv, "--url", server.url, "--json"])
        #expect(second.output.contains("\"duplicates\" : \(SimulatedShop.events)"), "\(second.output)")
        let after = try await server.settled()
        #expect(after.stored == before.stored)
        #expect(after.partitions[0].accounts == before.partitions[0].accounts)
        #expect(before.stored == Int64(SimulatedShop.events) + 1)
        #expect(await server.stop() == 0)
    }

    @Test func aModelIsTrainedPromotedAndTakesOverWhileEventsFlow() async throws {
        let data = try TemporaryDirectory()
        let shop = try await SimulatedShop.shared.value
        let server = try await RunningServer.start(data: data.path)
        let replayed = try await Program.run(["replay", shop.csv, "--url", server.url])
        #expect(replayed.code == 0, "\(replayed.error)")
        let unscored = try await server.settled()
        #expect(unscored.account("scored") == 0)
        #expect(unscored.account("unscored") > 0)
        let retrained = try await Program.run([
            "retrain", "--data", data.path, "--set", "retrain.hidden-size=8", "--set", "retrain.min-sessions=100",
            "--set", "retrain.min-buyers=3", "--json",
        ])
        #expect(retrained.code == 0 || retrained.code == 3, "\(retrained.output)\(retrained.error)")
        if retrained.code == 3 {
            let promoted = try await Program.run(["models", "promote", "1", "--data", data.path])
            #expect(promoted.code == 0, "\(promoted.error)")
        }
        // Events go in until the new champion scores one.
        var scored: Int64 = 0
        for number in 0..<100_000 where scored == 0 {
            _ = try await server.post("/collect", Data(#"{"session":"x\#(number)","type":"detail"}"#.utf8))
            scored = try await server.settled().account("scored")
        }
        #expect(scored > 0)
        #expect(await server.stop() == 0)
        let audit = try await Program.run(["audit", "--data", data.path])
        #expect(audit.code == 0, "\(audit.output)")
    }

    @Test(arguments: [
        "serve", "replay", "simulate", "train", "evaluate", "explain", "retrain", "models", "tail", "score", "audit",
        "status",
    ])
    func helpHasAnExample(_ command: String) async throws {
        let help = try await Program.run([command, "--help"])
        #expect(help.code == 0)
        #expect(help.output.contains("  dinghy \(command)"), "\(help.output)")
    }
}
