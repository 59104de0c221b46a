import ArgumentParser
import EventLog
import ProgramSettings
import Scoring
import Synchronization

struct ScoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score",
        abstract: "Scores a browsing CSV offline.",
        discussion: """
            One JSON score record a line, the same that serving the same events gives, bit for bit. Nothing is stored.

              dinghy score shop.csv --model shop.model > scores.ndjson
              dinghy score shop.csv --outcomes | jq .purchased

            Exit code: 0 when every usable row was scored, 1 otherwise.
            """)

    @OptionGroup var options: SettingsOptions
    @OptionGroup var csv: CSVOptions
    @Argument(help: "The file, or - for standard input.")
    var file: String
    @Option(help: "A model file, or a number in the registry (default: the champion).")
    var model: String?
    @Flag(help: "What became of the sessions, instead of scores.")
    var outcomes = false

    func run() async throws {
        let settings = try await options.settings()
        let chosen = try await Opened.model(model, settings)
        let model = NumberedModel(number: chosen.number, model: chosen.model)
        let scorer = Mutex(
            try PartitionScorer(assigned: AssignedPartition(partition: 0, position: nil, bounds: 0..<0), model: model))
        let read = try await FileFold.read(
            file, mapping: try csv.mapping(), logger: settings.logger(), title: "scoring"
        ) { [outcomes] record in
            scorer.withLock { scorer in
                scorer.process([record])
                // As often as a server commits.
                if record.offset % 2_000 == 0 { Self.flush(&scorer, outcomes) }
            }
        }
        scorer.withLock { Self.flush(&$0, outcomes) }
        Terminal.error(read.warning)
    }

    private static func flush(_ scorer: inout PartitionScorer, _ outcomes: Bool) {
        guard let batch = scorer.uncommitted() else { return }
        var lines: [UInt8] = []
        for record in outcomes ? batch.outcomes : batch.scores {
            lines += record.value
            lines.append(UInt8(ascii: "\n"))
        }
        Terminal.out(lines)
        scorer.committed()
    }
}
