import ArgumentParser
import KafkaRig

/// How fast Dinghy is on one machine, with the embedded log.
@main
struct EmbeddedBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Figures of one machine.",
        discussion: """
            Events are the simulated shop's. Every table says what was aimed at, and the load of the machine; figures
            are medians of rounds.

              tools/bench fold
              tools/bench score DIRECTORY
              tools/bench http DIRECTORY
              tools/bench restart DIRECTORY
            """,
        subcommands: [
            FoldFigures.self, ScoreFigures.self, HTTPFigures.self, RestartFigures.self, WeighCommand.self,
        ])
}
