import Foundation
import Testing

/// The example configurations are accepted as they stand: what stops the command behind them is that no broker is there.
struct ExampleConfigurationTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "config")

    static let kafka = ["kafka.yaml", "kafka/one.yaml", "kafka/three.yaml", "kafka/ten.yaml"]

    /// Nothing listens on port 1.
    private static func status(_ file: String, _ more: [String] = []) async throws -> Program.Result {
        try await Program.run(
            ["status", "--config", file, "--data", FileManager.default.temporaryDirectory.path]
                + ["--set", "kafka.brokers=127.0.0.1:1"] + more)
    }

    @Test(arguments: kafka)
    func isAccepted(file: String) async throws {
        let result = try await Self.status(Self.folder.appending(path: file).path())
        #expect(result.code == 1, "\(result.error)")
        #expect(result.error.contains("no Kafka broker answers at 127.0.0.1:1"), "\(result.error)")
    }

    /// And one that is wrong is not.
    @Test func aKeyThatStandsForNothingIsRefused() async throws {
        let directory = try TemporaryDirectory()
        let text = try String(contentsOf: Self.folder.appending(path: "kafka/one.yaml"), encoding: .utf8)
        let file = try directory.write(text + "\nscorer:\n  batch: 1\n", to: "wrong.yaml")
        let result = try await Self.status(file)
        #expect(result.code == 78, "\(result.error)")
        #expect(result.error.contains("scorer.batch"), "\(result.error)")
    }

    /// The three and the ten machines share a file and differ by their environments.
    @Test func whatDiffersComesFromTheEnvironment() async throws {
        let result = try await Program.run(
            ["status", "--config", Self.folder.appending(path: "kafka/ten.yaml").path(), "--data", "/nonexistent"],
            environment: [
                "DINGHY_ROLES": "score", "DINGHY_KAFKA_INSTANCE": "score-1", "DINGHY_KAFKA_BROKERS": "127.0.0.1:1",
                "DINGHY_HTTP_HOST": "10.0.0.31",
            ])
        #expect(result.code == 1, "\(result.error)")
        #expect(result.error.contains("no Kafka broker answers at 127.0.0.1:1"), "\(result.error)")
    }
}
