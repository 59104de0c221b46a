import EventLog
import Foundation
import KafkaRig
import Testing

/// The programs as they are built: what they find on a sound shop, and what their exit codes say.
@Suite(.timeLimit(.minutes(10)))
struct ProgramTests {
    static let brokers: String? = {
        let brokers = ProcessInfo.processInfo.environment["DINGHY_TEST_KAFKA"]
        if brokers == nil { print("DINGHY_TEST_KAFKA is not set: no shop is broken on a real Kafka cluster") }
        return brokers
    }()

    /// Stands beside the bundle that holds the tests.
    private static let chaos: String = {
        let bundle = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let candidates = [bundle] + Bundle.allBundles.map { $0.bundleURL.deletingLastPathComponent() }
        let found = candidates.map { $0.appending(path: "Chaos").path() }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
        guard let found else { preconditionFailure("no Chaos beside the tests: looked in \(candidates)") }
        return found
    }()

    private static func run(_ arguments: [String]) async throws -> (code: Int32, output: String) {
        let log = FileManager.default.temporaryDirectory.appending(path: "dinghy-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: log) }
        return try await Child.run(chaos, arguments, log: log)
    }

    /// Ten kills come to every point at which a server or those who change its models can die.
    @Test(arguments: [5])
    func aShopOnItsOwnLogSurvivesTenKills(seed: Int) async throws {
        let result = try await Self.run(["embedded", "--kills", "10", "--seed", "\(seed)"])
        #expect(result.code == 0, "seed \(seed): \(result.output)")
        for point in FaultPoint.allCases {
            #expect(result.output.contains("deaths at \(point.rawValue)"), "seed \(seed): \(result.output)")
        }
    }

    @Test func aShopOverTheMockSurvives() async throws {
        let result = try await Self.run(["kafka", "--seconds", "15", "--seed", "3", "--settle-seconds", "120"])
        #expect(result.code == 0, "\(result.output)")
        #expect(result.output.contains("seed 3 on a mock cluster"))
        #expect(result.output.contains("NOT CLAIMED: exactly one score an event"))
        #expect(result.output.contains("proved: every acknowledged event is stored"))
    }

    @Test(.enabled(if: brokers != nil, "set DINGHY_TEST_KAFKA=host:port"), arguments: [21, 22])
    func aShopOverAClusterSurvives(seed: Int) async throws {
        let result = try await Self.run(
            ["kafka", "--brokers", try #require(Self.brokers), "--seconds", "60", "--seed", "\(seed)"])
        #expect(result.code == 0, "\(result.output)")
        #expect(!result.output.contains("NOT CLAIMED"))
        #expect(result.output.contains("dinghy audit finds a difference of 0"))
    }

    @Test(arguments: [
        ["kafka", "--seconds", "1"], ["kafka", "--scorers", "0"], ["kafka", "--rate", "0"], ["kafka", "--wrong"],
        ["kafka", "--seconds", "1200", "--rate", "1000"], ["embedded", "--kills", "0"],
        ["embedded", "--seconds", "1201"],
    ])
    func wrongUsageIsRefused(arguments: [String]) async throws {
        let result = try await Self.run(arguments)
        #expect(result.code == 64, "\(result.output)")
    }

    @Test func aClusterThatIsNotThereIsNoBrokenPromise() async throws {
        let result = try await Self.run(["kafka", "--brokers", "127.0.0.1:1", "--seconds", "10"])
        #expect(result.code == 2, "\(result.output)")
        #expect(result.output.contains("could not be made"))
    }
}
