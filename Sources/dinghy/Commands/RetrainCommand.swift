import ArgumentParser
import Intent
import Retraining

struct RetrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retrain",
        abstract: "Trains a new model from the log and promotes it if it is better.",
        discussion: """
            Reads the log beside a running server, trains, and compares the new model with the champion on later
            sessions that neither has seen. A better one becomes champion, and a running server takes it between two
            events; any other is kept in the registry with the reason. This is what the schedule runs.

              dinghy retrain
              dinghy retrain --set retrain.timeline=live --json

            Exit code: 0 promoted, 3 kept aside, 4 not enough sessions or buyers, 5 another run is under way, 6 the right to
            retrain went to another run, 1 failed.
            """)

    @OptionGroup var options: SettingsOptions
    @Flag(help: "As JSON.")
    var json = false

    func run() async throws {
        let settings = try await options.settings()
        let bar = ProgressBar("retraining")
        let result = try await Opened.reading(settings) { opened in
            try await RetrainRun(settings: settings.retraining, registry: opened.models, now: WallClock.now)
                .run(opened.log) { progress in
                    switch progress {
                    case .reading(let done, let total):
                        bar.update(done: done, total: total, unit: "records", detail: "reading")
                    case .training(let training): bar.update(training)
                    case .judging: break
                    }
                }
        }
        bar.finish()
        Terminal.out(json ? try JSONOutput.text(result) : Self.text(result))
        if result.exit != .promoted { throw ExitCode(result.exit.rawValue) }
    }

    static func text(_ result: RetrainRun.Result) -> String {
        var text = result.report.map { $0.text + "\n" } ?? ""
        switch (result.exit, result.number) {
        case (.promoted, let number?): text += Terminal.colour("model \(number) is champion", .green)
        case (.keptAside, let number?): text += Terminal.colour("model \(number) is kept aside", .yellow)
        default: text += Terminal.colour(result.exit.name.replacing("_", with: " "), .yellow)
        }
        return text + ": \(result.reason)\n"
    }
}
