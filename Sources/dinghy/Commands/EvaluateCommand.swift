import ArgumentParser
import Intent
import Models

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Says what models are worth on a browsing CSV, without a server.",
        discussion: """
              dinghy evaluate intent shop.csv
              dinghy evaluate ablation shop.csv
            """,
        subcommands: [IntentEvaluation.self, Ablation.self])
}

struct IntentEvaluation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "intent",
        abstract: "P(a purchase later in the session): a model beside what is simpler.",
        discussion: """
            Whole sessions are split by time: the earliest seventy per cent train, then ten each end training early,
            calibrate, and test; every figure is about the last ten. Without --model a model is trained as `train` does
            it; constant, Markov chain and logistic regression are trained in the same run. Intervals are 95 %, by
            resampling sessions.

              dinghy evaluate intent shop.csv
              dinghy evaluate intent other.csv --model shop.model --like-seed
              dinghy simulate --events 500000 --truth truth.csv > shop.csv
              dinghy evaluate intent shop.csv --truth truth.csv --json | jq '.rows[].captured'

            With --truth the report says how much of what can be known each row captures: (loss of constant - its loss)
            / (loss of constant - loss of truth).

            Exit code: 0 when there is a report, 4 when the file holds too few sessions or buyers, 1 otherwise.
            """)

    @OptionGroup var options: SettingsOptions
    @OptionGroup var csv: CSVOptions
    @OptionGroup var training: Training
    @Argument(help: "The file, or - for standard input.")
    var file: String
    @Option(help: "How sessions are split: by time.")
    var split = SplitRule.time
    @Option(help: "A model file, or a number in the registry, instead of one that is trained here.")
    var model: String?
    @Option(help: "What the simulator knows of the file: its CSV id,posterior.")
    var truth: String?
    @Flag(help: "As JSON.")
    var json = false

    enum SplitRule: String, ExpressibleByArgument, CaseIterable { case time }

    func run() async throws {
        let settings = try await options.settings()
        let posteriors = try truth.map { try Posteriors($0) }
        let chosen: IntentModel? =
            if let model { try await Opened.model(model, settings).model } else { nil }
        let sessions = try await OfflineSessions.read(
            file, mapping: try csv.mapping(), settings: settings, truth: posteriors)
        let trained = try chosen == nil ? training.train(sessions, settings) : nil
        guard let report = try chosen.map({ try judge($0, sessions) }) ?? trained?.report else {
            preconditionFailure("EvaluateCommand.run: neither a model nor one trained")
        }
        Terminal.out(json ? try JSONOutput.text(report) : report.text)
        if let trained { try Training.conclude(trained.ending, "the report is of") }
    }

    private func judge(_ model: IntentModel, _ sessions: [TrainingSession]) throws -> Report {
        do {
            let evaluation = try Evaluation(of: model, sessions, reporting: training.reporting)
            if evaluation.mayHaveSeen {
                Terminal.error(
                    "Warning: the model was trained on sessions up to a time that lies behind the test span's "
                        + "beginning: if they were these, the figures flatter it\n")
            }
            return evaluation.report
        } catch {
            try Training.explain(error)
        }
    }
}
