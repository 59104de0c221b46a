import ArgumentParser
import KafkaRig

/// How `dinghy serve` bears load: latency at a fixed rate, more than it can take, and hours of it.
@main
struct LoadBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tools/bench", abstract: "Figures of one server under load.",
        discussion: "The load comes from this process, on the same machine: say so with every figure.",
        subcommands: [LatencyCommand.self, OverloadCommand.self, SoakCommand.self])
}
