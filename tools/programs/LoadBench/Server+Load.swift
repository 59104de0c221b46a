import AsyncHTTPClient
import Foundation
import KafkaRig
import NIOCore
import NIOFoundationCompat

/// A server of its own, in a directory of its own, with a model that scores.
struct LoadedShop {
    let directory: String
    let dinghy: String
    let server: Server
    var pid: Int32 { server.child.pid }
    var url: String { server.url }

    /// - Parameters:
    ///   - directory: where its data lie; a disk's price is part of every figure.
    ///   - stored: events that are on the log, and scored, when it returns.
    static func start(
        _ name: String, in parent: String?, stored: Int = 0, arguments: [String] = []
    ) async throws -> LoadedShop {
        Child.endWithThisProgram()
        let directory =
            try parent.map { $0 + "/dinghy-\(name)-\(UUID().uuidString.prefix(8))" }
            ?? Workbench.directory(name)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let dinghy = Workbench.dinghy()
        let csv = directory + "/history.csv", model = directory + "/history.model", data = directory + "/data"
        try await run(dinghy, ["simulate", "--events", "60000", "--seed", "7"], csv)
        try await run(dinghy, ["train", csv, "--output", model, "--epochs", "2"], directory + "/train.log")
        for _ in 0..<2 {
            try await run(
                dinghy, ["models", "import", model, "--promote", "--data", data], directory + "/import.log")
        }
        if stored > 0 {
            let past = directory + "/past.csv"
            try await run(dinghy, ["simulate", "--events", "\(stored)", "--seed", "8"], past)
            try await run(dinghy, ["replay", past, "--data", data], directory + "/past.log")
            try FileManager.default.removeItem(atPath: past)
        }
        let server = try await Server.start(
            dinghy: dinghy, arguments: ["--data", data] + arguments, log: directory + "/serve.log")
        let shop = LoadedShop(directory: directory, dinghy: dinghy, server: server)
        while try await shop.status().partitions.contains(where: { $0.pending > 0 }) {
            try await Task.sleep(for: .milliseconds(100))
        }
        return shop
    }

    /// What `/status` says.
    struct Status: Decodable {
        struct Partition: Decodable {
            var pending: Int
            var sessions: [String: Int]
        }
        struct Models: Decodable {
            var champion: Int?
            var count: Int
        }
        var partitions: [Partition]
        var models: Models
    }

    func status() async throws -> Status {
        let response = try await HTTPClient.shared.execute(
            HTTPClientRequest(url: url + "/status"), timeout: .seconds(30))
        return try JSONDecoder().decode(Status.self, from: Data(buffer: try await response.body.collect(upTo: 1 << 20)))
    }

    static func run(_ dinghy: String, _ arguments: [String], _ log: String) async throws {
        let result = try await Child.run(dinghy, arguments, log: log)
        guard result.code == 0 else {
            throw Failure("dinghy \(arguments[0]) ended with \(result.code): \(result.output.suffix(400))")
        }
    }

    func stop(keep: Bool) async throws {
        await server.child.stop()
        if !keep { try FileManager.default.removeItem(atPath: directory) }
    }
}

/// What the system knows of a process.
enum ProcessFigures {
    static func resident_bytes(_ pid: Int32) -> Int {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
        return (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }

    static func openFiles(_ pid: Int32) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
    }

    static func load() -> String {
        let text = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)) ?? "?"
        return text.split(separator: " ").prefix(3).joined(separator: " ")
    }
}
