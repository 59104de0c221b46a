import ArgumentParser
import ChaosChecks
import EventLog
import Foundation
import KafkaRig

#if canImport(Glibc)
    import Glibc
#endif

struct KafkaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kafka",
        abstract: "Collectors and scorers as processes of their own over a Kafka cluster.",
        discussion: """
            Makes topics of its own on the cluster and removes them after a run without findings. Without --brokers it
            starts librdkafka's mock cluster and says which of its claims the mock cannot bear.
            """)

    @Option(help: "host:port[,host:port…] of a cluster (default: librdkafka's mock).")
    var brokers: String?
    @Option(help: "How long there is load.")
    var seconds = 60
    @Option(help: "Collector processes.")
    var collectors = 2
    @Option(help: "Scorer processes.")
    var scorers = 3
    @Option(help: "Partitions of the events topic.")
    var partitions = 6
    @Option(help: "Events a second, all clients together (default: 1000, on the mock 120).")
    var rate: Int?
    @Option(help: "Seed of the plan and of the clients (default: a new one, printed).")
    var seed: UInt64?
    @Option(help: "Seconds that everything may take to be scored after the load.")
    var settleSeconds = 180
    @Flag(help: "The report as JSON.")
    var json = false
    @Flag(help: "Keep topics, logs and data directories.")
    var keep = false

    private static let mockRate = 120
    private static let mockEvents = 40_000

    func validate() throws {
        // Beyond that a session could be silent for half an hour, which these books do not know.
        guard (10...1_200).contains(seconds) else { throw ValidationError("--seconds must be from 10 to 1200") }
        guard (1...32).contains(collectors), (1...32).contains(scorers) else {
            throw ValidationError("--collectors and --scorers must be from 1 to 32")
        }
        guard (1...256).contains(partitions) else { throw ValidationError("--partitions must be from 1 to 256") }
        guard rate ?? 1 > 0 else { throw ValidationError("--rate must be above 0") }
        // The mock keeps 5 MiB a partition and drops what is older, in the middle of sessions.
        guard brokers != nil || seconds * (rate ?? Self.mockRate) <= Self.mockEvents else {
            throw ValidationError(
                "the mock holds about \(Self.mockEvents) events: a shorter run, a lower --rate, or --brokers")
        }
    }

    func run() async throws {
        Child.endWithThisProgram()
        let seed = seed ?? UInt64.random(in: 1...999_999)
        let settings = ChaosRun.Settings(
            length: .seconds(seconds), collectors: collectors, scorers: scorers,
            partitions: partitions,
            rate: rate ?? (brokers == nil ? Self.mockRate : 1_000), seed: seed, settle: .seconds(settleSeconds))
        let report: ChaosReport
        do {
            report = try await run(settings)
        } catch {
            note("the run could not be made: \(error) (seed \(seed))")
            throw ExitCode(2)
        }
        try report.conclude(asJSON: json)
    }

    private func run(_ settings: ChaosRun.Settings) async throws -> ChaosReport {
        let directory = try Workbench.directory("chaos")
        let cluster = brokers.map { Cluster(brokers: $0) } ?? Cluster(MockCluster())
        let topics = ShopTopics(prefix: Workbench.prefix("chaos"), partitions: settings.partitions)
        note("seed \(settings.seed); \(cluster.brokers), topics \(topics.prefix).*; logs in \(directory)")
        let report = try await ChaosRun(settings, cluster: cluster, topics: topics, directory: directory).run()
        if report.findings.isEmpty, report.settled, !keep {
            cluster.delete(topics)
            try FileManager.default.removeItem(atPath: directory)
        }
        return report
    }
}

/// To standard error: standard output is the report's.
func note(_ line: String) {
    FileHandle.standardError.write(Data("chaos: \(line)\n".utf8))
}
