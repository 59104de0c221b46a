import ArgumentParser
import EventLog
import Foundation
import KafkaRig

/// What Dinghy does over Kafka on this machine, beside what librdkafka alone does.
@main
struct KafkaBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kafka",
        abstract: "Figures of the roles over Kafka.",
        discussion: """
            Makes topics of its own and removes them. Collector, scorers, this program and, where they run here, the
            brokers share the machine: say so with every figure. Without --brokers everything is done once, small, on
            librdkafka's mock, which shows that it works and nothing else: no figure is printed.

              tools/bench kafka --brokers localhost:9092
            """,
        subcommands: [Run.self], defaultSubcommand: Run.self)

    struct Run: AsyncParsableCommand {
        @Option(help: "host:port[,host:port…] of a cluster.")
        var brokers: String?
        @Option(help: "Seconds of load a figure.")
        var seconds = 10
        @Option(help: "Events that the scorer finds.")
        var events = 2_000_000
        @Option(help: "Open sessions of the partition that changes hands.")
        var sessions = 200_000
        @Flag(help: "Keep topics and logs.")
        var keep = false

        func validate() throws {
            guard seconds > 0, events > 0, sessions > 0 else { throw ValidationError("counts must be above 0") }
        }

        func run() async throws {
            Child.endWithThisProgram()
            let directory = try Workbench.directory("bench")
            let cluster: Cluster
            if let brokers {
                cluster = Cluster(brokers: brokers)
            } else {
                cluster = Cluster(MockCluster())
                print("unmeasured: no broker. A smoke run on librdkafka's mock; give --brokers for figures.\n")
            }
            let sizes =
                cluster.isReal
                ? Sizes(length: .seconds(seconds), events: events, sessions: sessions, rate: 1_000)
                : Sizes(length: .seconds(2), events: 5_000, sessions: 500, rate: 50)
            print("| figure | value | target | notes |\n| --- | ---: | ---: | --- |")
            var failure: (any Error)?
            do {
                for figure in [Ingest.run, ScoringRate.run, Latency.run, Takeover.run] {
                    for line in try await figure(
                        Bench(cluster: cluster, directory: directory, sizes: sizes, keep: keep))
                    {
                        print(line.row(measured: cluster.isReal))
                    }
                }
            } catch { failure = error }
            if let failure {
                FileHandle.standardError.write(Data("bench: \(failure); logs in \(directory)\n".utf8))
                throw ExitCode(1)
            }
            print("\n" + Reference.performanceTool())
            if !keep { try FileManager.default.removeItem(atPath: directory) }
        }
    }
}

/// How much is done for a figure.
struct Sizes {
    var length: Duration
    var events: Int
    var sessions: Int
    /// Events a second of the latency figure.
    var rate: Int
}

/// A row of the table.
struct Line {
    var name: String
    var value: String
    var target: String
    var notes: String

    func row(measured: Bool) -> String {
        "| \(name) | \(measured ? value : "unmeasured: no broker") | \(target) | \(measured ? notes : "ran") |"
    }
}

/// What a figure works with: a cluster, and a new shop for every figure.
struct Bench {
    let cluster: Cluster
    let directory: String
    let sizes: Sizes
    let keep: Bool

    /// A shop with its topics and a model before the named scorers; its topics are removed afterwards.
    func shop<R>(
        _ name: String, partitions: Int, scores: Bool, _ body: (Workplace, ShopTopics) async throws -> R
    ) async throws -> R {
        let topics = ShopTopics(
            prefix: Workbench.prefix("bench-\(name)"),
            partitions: partitions)
        let place = directory + "/" + name
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let workplace = try Workplace(
            directory: place, dinghy: Workbench.dinghy(), topics: topics, brokers: cluster.brokers, properties: [:])
        try await cluster.create(topics, by: workplace)
        if scores { try await workplace.makeModel() }
        let result = try await body(workplace, topics)
        if !keep { cluster.delete(topics) }
        return result
    }

    func start(_ workplace: Workplace, _ name: String, _ roles: String) async throws -> Server {
        try await Server.start(
            dinghy: workplace.dinghy, arguments: workplace.arguments(name, roles: roles), log: workplace.log(name))
    }
}

enum Text {
    static func rate(_ count: Int, in duration: Duration) -> String {
        "\(Int(Double(count) / (duration / .seconds(1))))/s"
    }

    static func percentiles(_ durations: [Duration]) -> String {
        let sorted = durations.sorted()
        guard let last = sorted.last else { return "none" }
        func at(_ share: Double) -> Int {
            Int(sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))] / .milliseconds(1))
        }
        return "p99 \(at(0.99)) ms (p50 \(at(0.5)), max \(Int(last / .milliseconds(1))))"
    }

    static func seconds(_ duration: Duration) -> String {
        let tenths = Int(duration / .milliseconds(100))
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
