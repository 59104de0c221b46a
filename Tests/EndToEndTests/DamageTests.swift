import Foundation
import Testing

import struct LogContract.FailingDisk

/// A disk that fails below the real program, and what its commands do about what is left.
@Suite(.serialized)
struct DamageTests {
    private static func post(_ server: RunningServer, _ ids: [String]) async throws -> (status: Int, text: String) {
        let events = ids.map { #"{"id":"\#($0)","session":"w\#($0)","type":"detail","sku":"p1"}"# }
        let (status, body) = try await server.post("/collect", Data("[\(events.joined(separator: ","))]".utf8))
        return (status, String(decoding: body, as: UTF8.self))
    }

    @Test func aFailedFsyncIsSaidAndARestartServesAgain() async throws {
        let data = try TemporaryDirectory()
        let tools = try TemporaryDirectory()
        guard let disk = try FailingDisk(in: tools.path) else {
            print("skipped: there is no C compiler")
            return
        }
        var server = try await RunningServer.start(data: data.path, environment: disk.environment)
        #expect(try await Self.post(server, ["a"]).status == 200)
        try disk.begin(.fsyncFails, of: "events.sqlite-wal")
        #expect(try await Self.post(server, ["b"]).status == 503)
        try disk.end()
        #expect(try await Self.post(server, ["b"]).status == 503)
        let status = String(decoding: try await server.get("/status").body, as: UTF8.self)
        #expect(status.contains("events.sqlite is no longer written since its disk failed"), "\(status)")
        let ready = try await server.get("/health/ready")
        #expect(ready.status == 503)
        #expect(
            String(decoding: try await server.get("/metrics").body, as: UTF8.self)
                .contains(#"dinghy_log_stopped{file="events.sqlite"} 1"#))
        let verified = try await Program.run(["verify", "--data", data.path])
        #expect(verified.output.contains("the next start checks everything"), "\(verified.output)")
        _ = await server.stop()

        server = try await RunningServer.start(data: data.path, environment: disk.environment)
        let again = try await Self.post(server, ["a", "b"])
        #expect(again.status == 200)
        #expect(again.text.contains("duplicate"))
        let settled = try await server.settled()
        #expect(settled.stored == 2)
        #expect(settled.balanced)
        #expect(await server.stop() == 0)
        #expect(try await Program.run(["verify", "--data", data.path]).code == 0)
    }

    @Test func aFullDiskRefusesAndRecovers() async throws {
        let data = try TemporaryDirectory()
        let tools = try TemporaryDirectory()
        guard let disk = try FailingDisk(in: tools.path) else {
            print("skipped: there is no C compiler")
            return
        }
        let server = try await RunningServer.start(data: data.path, environment: disk.environment)
        try disk.begin(.writesFail(ENOSPC), of: "*")
        for _ in 0..<3 { #expect(try await Self.post(server, ["a"]).status == 503) }
        try disk.end()
        #expect(try await Self.post(server, ["a"]).status == 200)
        #expect(try await server.settled().stored == 1)
        #expect(await server.stop() == 0)
    }

    @Test func aDamagedLogIsVerifiedRepairedAndServed() async throws {
        let data = try await SimulatedShop.dataDirectory()
        let shop = try await SimulatedShop.shared.value
        var server = try await RunningServer.start(data: data.path)
        #expect(try await Program.run(["replay", shop.csv, "--url", server.url]).code == 0)
        #expect(try await Self.post(server, (0..<50).map { "before-\($0)" }).status == 200)
        #expect(try await Self.post(server, ["marked"] + (0..<9).map { "after-\($0)" }).status == 200)
        let whole = try await server.settled()
        #expect(await server.stop() == 0)
        let sound = try await Program.run(["verify", "--data", data.path, "--sample", "500", "--json"])
        #expect(sound.code == 0, "\(sound.output)\(sound.error)")
        #expect(sound.output.contains(#""passed" : true"#))
        #expect(sound.output.contains(#""scores" : "#))
        #expect(try await Program.run(["repair", "--truncate-tail", "--data", data.path]).code == 0)

        let path = data.file("events.sqlite")
        var bytes = try Data(contentsOf: URL(filePath: path))
        let place = try #require(bytes.range(of: Data(#""id":"marked""#.utf8)))
        bytes[place.lowerBound + 6] ^= 1
        try bytes.write(to: URL(filePath: path))
        let damaged = try await Program.run(["verify", "--data", data.path])
        #expect(damaged.code == 3)
        let offset = whole.partitions[0].logEnd - 10
        #expect(damaged.output.contains("partition 0, offset \(offset)"), "\(damaged.output)")
        let refused = try await Program.run(["serve", "--data", data.path, "--port", "0"])
        #expect(refused.code == 1)
        #expect(
            refused.error.contains("offset \(offset)") && refused.error.contains("dinghy verify"), "\(refused.error)")

        let planned = try await Program.run(["repair", "--truncate-tail", "--data", data.path])
        #expect(planned.code == 3, "\(planned.error)")
        #expect(
            planned.output.contains("partition 0 loses offsets \(offset) to \(offset + 9), 10 records"),
            "\(planned.output)")
        #expect(planned.output.contains("s:wafter-3 (1)"))
        #expect(planned.output.contains("was scored up to \(offset + 10), afterwards up to \(offset)"))
        #expect(planned.output.contains("nothing was changed"))
        #expect(try await Program.run(["verify", "--data", data.path]).code == 3)
        let repaired = try await Program.run(["repair", "--truncate-tail", "--yes", "--data", data.path])
        #expect(repaired.code == 0, "\(repaired.error)")
        let clean = try await Program.run(["verify", "--data", data.path])
        #expect(clean.code == 0, "\(clean.output)")

        server = try await RunningServer.start(data: data.path)
        #expect(try await Self.post(server, ["marked"] + (0..<9).map { "after-\($0)" }).status == 200)
        let again = try await server.settled()
        #expect(again.balanced)
        #expect(again.stored == whole.stored)
        #expect(again.partitions[0].accounts == whole.partitions[0].accounts)
        #expect(await server.stop() == 0)
        #expect(try await Program.run(["audit", "--data", data.path]).code == 0)
    }
}
