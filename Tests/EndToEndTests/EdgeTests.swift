import Foundation
import Testing

/// What the network sees of the real program, and what it never sees.
@Suite(.timeLimit(.minutes(3))) struct EdgeTests {
    private static let token = "token-0123456789abcdef"
    private static let key = "write-key-0123456789"

    @Test func aServerThatOthersReachNeedsAToken() async throws {
        let data = try TemporaryDirectory()
        let arguments = ["serve", "--data", data.path, "--host", "0.0.0.0", "--port", "0"]
        let result = try await Program.run(arguments)
        #expect(result.code == 78)
        #expect(result.error.contains("http.token") && result.error.contains("http.open-console"), "\(result.error)")
        let short = try await Program.run(arguments, environment: ["DINGHY_HTTP_TOKEN": "short-secret"])
        #expect(short.code == 78)
        #expect(short.error.contains("16 characters") && !short.error.contains("short-secret"), "\(short.error)")
    }

    @Test func theCommandsShowTheToken() async throws {
        let data = try TemporaryDirectory()
        let server = try await RunningServer.start(
            data: data.path,
            arguments: ["--set", "http.token=\(Self.token)", "--set", "collect.write-keys=\(Self.key)"])
        #expect(try await server.get("/status").status == 401)
        #expect(try await server.get("/metrics").status == 401)
        #expect(try await server.get("/replay/x").status == 401)
        #expect(try await server.get("/replay/x", headers: [("Authorization", "Bearer \(Self.key)")]).status == 401)
        #expect(try await server.get("/health/live").status == 200)
        let event = Data(#"{"id":"a","session":"s","type":"add"}"#.utf8)
        #expect(try await server.post("/collect", event).status == 401)
        #expect(try await server.post("/collect?key=\(Self.key)", event).status == 200)
        let environment = ["DINGHY_HTTP_TOKEN": Self.token]
        let without = try await Program.run(["status", "--url", server.url])
        #expect(without.code == 1 && without.error.contains("401"), "\(without.error)")
        let status = try await Program.run(["status", "--url", server.url], environment: environment)
        #expect(status.code == 0 && status.output.contains("1 records"), "\(status.output)\(status.error)")
        let csv = try data.write(
            "session_id_hash,event_type,product_action,product_sku_hash,server_timestamp_epoch_ms,hashed_url\n"
                + "s1,pageview,,,1550000000000,u1\n", to: "shop.csv")
        let replayed = try await Program.run(["replay", csv, "--url", server.url, "--json"], environment: environment)
        #expect(replayed.code == 0, "\(replayed.output)\(replayed.error)")
        #expect(await server.stop() == 0)
    }

    /// Keys, tokens and addresses: neither in what the program says nor in what it stores.
    @Test func nothingSecretAndNoAddressIsWrittenAnywhere() async throws {
        let data = try TemporaryDirectory()
        let store = data.path + "/data"
        // Over everything that the program says at its most talkative.
        let server = try await RunningServer.start(
            data: store,
            arguments: [
                "--set", "logging.level=trace", "--set", "http.token=\(Self.token)", "--set",
                "collect.write-keys=\(Self.key)", "--set", "http.trust-forwarded=true", "--set", "collect.rate=1000",
                "--set", "collect.daily-quota=1000",
            ])
        let address = "203.0.113.77"
        let headers = [("X-Forwarded-For", address), ("Authorization", "Bearer \(Self.key)")]
        let event = Data(#"{"id":"a","session":"s","type":"add"}"#.utf8)
        #expect(try await server.post("/collect", event, headers: headers).status == 200)
        #expect(try await server.post("/collect", Data(#"{"id":"b"}"#.utf8), headers: headers).status == 200)
        #expect(try await server.post("/collect", Data("{".utf8), headers: headers).status == 400)
        #expect(try await server.get("/collect?session=s&type=add&key=\(Self.key)", headers: headers).status == 200)
        #expect(try await server.get("/collect?session=s&type=x&key=\(Self.key)", headers: headers).status == 200)
        #expect(try await server.get("/status", headers: [("Authorization", "Bearer \(Self.token)")]).status == 200)
        #expect(try await server.get("/nowhere?token=\(Self.token)&key=\(Self.key)").status == 401)
        #expect(await server.stop() == 0)
        let said = await server.said
        for secret in [Self.token, Self.key, address] {
            #expect(!said.contains(secret))
            for file in try FileManager.default.subpathsOfDirectory(atPath: store) {
                guard let bytes = FileManager.default.contents(atPath: store + "/" + file) else { continue }
                #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(file)")
            }
        }
        #expect(said.contains("serves http://"))
    }

    @Test func aMachinesSessionIsFlaggedInScoresOutcomesAndCounts() async throws {
        let data = try await SimulatedShop.dataDirectory()
        let server = try await RunningServer.start(data: data.path)
        let event = Data(#"{"id":"a","session":"crawler","type":"detail","sku":"p1"}"#.utf8)
        #expect(try await server.post("/collect", event, headers: [("User-Agent", "Examplebot/1.0")]).status == 200)
        _ = try await server.settled()
        let tail = try await Program.run(
            ["tail", "--url", server.url, "--from-start", "--count", "1", "--json"])
        #expect(tail.code == 0 && tail.output.contains(#""bot":true"#), "\(tail.output)\(tail.error)")
        let metrics = String(decoding: try await server.get("/metrics").body, as: UTF8.self)
        #expect(metrics.contains("dinghy_collect_bot_events_total 1.0"))
        #expect(await server.stop() == 0)
        let audit = try await Program.run(["audit", "--data", data.path])
        #expect(audit.code == 0, "\(audit.output)\(audit.error)")
    }
}
