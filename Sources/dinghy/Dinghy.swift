import ArgumentParser
import ProgramSettings

@main
struct Dinghy: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "dinghy",
        abstract: "Live shopper intent: will this session still end in a purchase?",
        discussion: """
            Serve a shop, replay its history, train from its log, watch its sessions:

              dinghy serve
              dinghy replay shop.csv
              dinghy retrain
              dinghy tail

            Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration; `dinghy help COMMAND` names any
            others.
            """,
        version: version,
        subcommands: [
            ServeCommand.self, ReplayCommand.self, SimulateCommand.self, TrainCommand.self, EvaluateCommand.self,
            ExplainCommand.self, RetrainCommand.self, ModelsCommand.self, TailCommand.self, ScoreCommand.self,
            AuditCommand.self, VerifyCommand.self, RepairCommand.self, StatusCommand.self, TopicsCommand.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as ConfigurationError {
            Terminal.error("Error: \(error)\n")
            exit(withError: ExitCode(78))
        } catch {
            exit(withError: error)
        }
    }
}
