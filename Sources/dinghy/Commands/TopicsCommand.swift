import ArgumentParser
import KafkaLog
import ProgramSettings

struct TopicsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics",
        abstract: "Makes, shows and checks a shop's Kafka topics.",
        discussion: """
            A server never makes a topic; this does, once.

              dinghy topics create --config config/kafka.yaml --partitions 12
              dinghy topics check --config config/kafka.yaml

            Exit code: 0 done and everything fits, 3 when a topic does not fit, 1 when the brokers cannot be asked.
            """,
        subcommands: [Create.self, Describe.self, Check.self], defaultSubcommand: Describe.self)

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes those topics that are not there; changes none that is.",
            discussion: """
                The number of partitions is fixed for the life of a shop: a session's events are on the partition that
                its key gives. docs/kafka.md says how many are enough.

                  dinghy topics create --config config/kafka.yaml --partitions 12 --retention-hours 168
                """)
        @OptionGroup var options: SettingsOptions
        @Option(help: "Partitions of events, scores and outcomes.")
        var partitions = 12
        @Option(help: "Replicas of each partition (default: three, or as many as there are brokers).")
        var replicationFactor: Int?
        @Option(help: "Hours for which events are kept, at least 48.")
        var retentionHours = 168
        @Flag(help: "As JSON.")
        var json = false

        func validate() throws {
            guard (48...876_000).contains(retentionHours) else {
                throw ValidationError("--retention-hours \(retentionHours): give 48 hours or more, under a century")
            }
        }

        func run() async throws {
            let topics = try TopicsCommand.topics(try await options.settings())
            let layout = TopicLayout(
                partitions: partitions, replicationFactor: replicationFactor,
                retention: .seconds(retentionHours * 3_600))
            let made = try await topics.create(layout)
            if json { return Terminal.out(try JSONOutput.text(["created": made])) }
            for name in made { Terminal.out("made \(name)\n") }
            if made.isEmpty { Terminal.out("all topics were there already; `dinghy topics check` says how they fit\n") }
        }
    }

    struct Describe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How the topics are made.", discussion: "  dinghy topics describe --config config/kafka.yaml")
        @OptionGroup var options: SettingsOptions
        @Flag(help: "As JSON.")
        var json = false

        func run() async throws {
            let found = try await TopicsCommand.topics(try await options.settings()).check().topics
            if json { return Terminal.out(try JSONOutput.text(found)) }
            for topic in found { Terminal.out(TopicsCommand.line(topic)) }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Whether a server would start on them, and what is less safe than it could be.",
            discussion: "  dinghy topics check --config config/kafka.yaml")
        @OptionGroup var options: SettingsOptions
        @Flag(help: "As JSON.")
        var json = false

        func run() async throws {
            let findings = try await TopicsCommand.topics(try await options.settings()).check().findings
            if json {
                Terminal.out(try JSONOutput.text(findings))
            } else {
                for finding in findings {
                    let isError = finding.severity == .error
                    Terminal.out(
                        Terminal.colour(finding.severity.rawValue, isError ? .red : .yellow) + ": \(finding)\n")
                }
                if findings.isEmpty { Terminal.out(Terminal.colour("all topics fit\n", .green)) }
            }
            if findings.contains(where: { $0.severity == .error }) { throw ExitCode(3) }
        }
    }

    private static func topics(_ settings: Settings) throws -> KafkaTopics {
        guard settings.logKind == .kafka else {
            throw CommandFailure(
                "log.kind is \(settings.logKind.rawValue): topics are Kafka's; give --config with log.kind: kafka")
        }
        return try KafkaTopics(settings.kafka(), logger: settings.logger())
    }

    private static func line(_ topic: TopicDescription) -> String {
        guard let partitions = topic.partitions else { return "\(topic.name)  not there\n" }
        let shown = [
            "cleanup.policy", "message.timestamp.type", "retention.ms", "retention.bytes", "min.insync.replicas",
        ]
        let configuration = topic.configuration.map { configuration in
            shown.compactMap { key in configuration[key].map { "\(key)=\($0)" } }.joined(separator: "  ")
        }
        return "\(topic.name)  \(partitions) partition\(partitions == 1 ? "" : "s")  "
            + "\(topic.replicationFactor ?? 0) replica\(topic.replicationFactor == 1 ? "" : "s")  "
            + (configuration ?? "its settings are not told") + "\n"
    }
}
