import ArgumentParser

/// Breaks a running shop in every way it must survive, and proves that nothing was lost or counted twice.
@main
struct Chaos: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract: "Kills, pauses and moves the processes of a shop under load, then proves its accounts.",
        discussion: """
              tools/chaos embedded
              tools/chaos kafka
              tools/chaos kafka --brokers localhost:9092 --seconds 120

            Exit codes: 0 everything claimed was proved, 1 a promise was broken, 2 the run could not be made, 3 not
            everything was scored in time, 64 wrong usage.
            """,
        subcommands: [KafkaCommand.self, EmbeddedCommand.self, ReferenceCommand.self])
}
