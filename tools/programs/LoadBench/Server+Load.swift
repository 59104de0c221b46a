import Foundation
import KafkaRig

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
        let data = directory + "/data"
        try await PreparedData.make(data, in: directory, dinghy: dinghy, models: 2, stored: stored)
        let server = try await Server.start(
            dinghy: dinghy, arguments: ["--data", data] + arguments, log: directory + "/serve.log")
        try await server.untilScored()
        return LoadedShop(directory: directory, dinghy: dinghy, server: server)
    }

    func status() async throws -> Server.Status { try await server.status() }

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
