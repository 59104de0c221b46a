import ArgumentParser
import FoundationEssentials
import Intent

struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains a model from a browsing CSV, without a server.",
        discussion: """
            The rows go through the same fold as those of a log. The earliest seventy per cent of the sessions train,
            then ten each end training early, calibrate, and test; the report is about the last ten.

              dinghy train shop.csv --output shop.model
              dinghy models import shop.model --promote

            Ctrl-C ends training; the best model so far is calibrated, reported and written. So is the one from before a
            loss that is no number any more.

            Exit code: 0 when the model was written, 4 when the file holds too few sessions or buyers, 1 otherwise, also
            when the loss was no number in the end.
            """)

    @OptionGroup var options: SettingsOptions
    @OptionGroup var csv: CSVOptions
    @OptionGroup var training: Training
    @Argument(help: "The file, or - for standard input.")
    var file: String
    @Option(help: "Where the model goes (default: nowhere, the report is all that remains).")
    var output: String?
    @Flag(help: "The report as JSON.")
    var json = false

    func run() async throws {
        let settings = try await options.settings()
        let sessions = try await OfflineSessions.read(file, mapping: try csv.mapping(), settings: settings)
        let trained = try training.train(sessions, settings)
        if let output {
            do {
                try Data(trained.model.serialized()).write(to: URL(filePath: output), options: .atomic)
            } catch {
                throw CommandFailure("\(output) cannot be written: \(error)")
            }
        }
        Terminal.out(json ? try JSONOutput.text(trained.report) : trained.report.text)
        try Training.conclude(trained.ending, output.map { "\($0) has" } ?? "the report is of")
    }
}
