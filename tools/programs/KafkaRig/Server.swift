import EventLog
import Foundation

/// One `dinghy serve`, by its configuration file, and where it listens.
public struct Server: Sendable {
    public let child: Child
    public let url: String

    /// Starts it and waits until it listens.
    ///
    /// - Throws: `.unusable`, with the end of its log, where it ends first or does not listen in time.
    public static func start(
        dinghy: String, arguments: [String], log: String, port: Int = 0, within limit: Duration = .seconds(60)
    ) async throws -> Server {
        // What stands there already is an earlier process's.
        let before = ((try? Data(contentsOf: URL(filePath: log))) ?? Data()).count
        let child = try Child(dinghy, ["serve", "--port", "\(port)"] + arguments, log: log)
        let deadline = ContinuousClock.now + limit
        while true {
            let text = String(
                decoding: ((try? Data(contentsOf: URL(filePath: log))) ?? Data()).dropFirst(before), as: UTF8.self)
            if let found = text.range(of: " serves http://"), text[found.upperBound...].contains("\n") {
                return Server(child: child, url: "http://" + text[found.upperBound...].prefix { $0 != " " })
            }
            if let code = child.exitCode {
                throw EventLogError.unusable("a server ended with \(code) before it listened: \(tail(log))")
            }
            guard ContinuousClock.now < deadline else {
                child.signal(SIGKILL)
                throw EventLogError.unusable("a server does not listen after \(limit): \(tail(log))")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// The last lines of a log.
    public static func tail(_ log: String, lines: Int = 4) -> String {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(lines).joined(separator: "\n")
    }
}

/// A directory of one run, and what stands in it: configuration, a model, a data directory for every process.
public struct Workplace: Sendable {
    public let directory: String
    public let dinghy: String
    public let config: String

    /// - Parameter properties: librdkafka's, for every client of every process.
    public init(directory: String, dinghy: String, topics: ShopTopics, brokers: String, properties: [String: String])
        throws
    {
        let lines = properties.sorted { $0.key < $1.key }.map { "    \($0.key): \"\($0.value)\"\n" }.joined()
        try self.init(
            directory: directory, dinghy: dinghy,
            configuration: """
                log:
                  kind: kafka
                kafka:
                  brokers: "\(brokers)"
                  topic-prefix: \(topics.prefix)
                  group: \(topics.prefix)-score
                \(lines.isEmpty ? "" : "  properties:\n" + lines)
                """)
    }

    /// - Parameter configuration: YAML without `data`, which is `data("shared")`.
    public init(directory: String, dinghy: String, configuration: String) throws {
        self.directory = directory
        self.dinghy = dinghy
        config = directory + "/dinghy.yaml"
        try "data: \(directory)/shared\n\(configuration)\n".write(toFile: config, atomically: true, encoding: .utf8)
    }

    public func data(_ name: String) -> String { directory + "/" + name }
    public func log(_ name: String) -> String { directory + "/" + name + ".log" }

    /// What a process of this shop is started with.
    public func arguments(_ name: String, roles: String) -> [String] {
        ["--config", config, "--roles", roles, "--data", data(name), "--set", "kafka.instance=\(name)"]
    }

    func createTopics(_ topics: ShopTopics) async throws {
        try check(
            try await Child.run(
                dinghy, ["topics", "create", "--config", config, "--partitions", String(topics.partitions)],
                log: log("topics")), "topics create")
    }

    /// Makes a small model from a simulated history and imports it, for all processes of the shop.
    ///
    /// - Throws: `.unusable` where a step fails, with what the program said.
    public func makeModel() async throws {
        let csv = directory + "/history.csv"
        let model = directory + "/history.model"
        try FileManager.default.createDirectory(atPath: data("shared"), withIntermediateDirectories: true)
        let simulated = try await Child.run(dinghy, ["simulate", "--events", "30000", "--seed", "7"], log: csv)
        try check(simulated, "simulate")
        try check(
            try await Child.run(
                dinghy, ["train", csv, "--output", model, "--set", "retrain.hidden-size=8", "--epochs", "2"],
                log: log("train")), "train")
        try check(
            try await Child.run(
                dinghy, ["models", "import", model, "--promote", "--config", config], log: log("import")),
            "models import")
    }

    private func check(_ result: (code: Int32, output: String), _ command: String) throws {
        guard result.code == 0 else {
            throw EventLogError.unusable("dinghy \(command) ended with \(result.code): \(result.output.suffix(600))")
        }
    }
}
