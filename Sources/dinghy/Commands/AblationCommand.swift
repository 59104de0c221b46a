import ArgumentParser
import Intent
import ProgramSettings

struct Ablation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ablation",
        abstract: "What each kind of input is worth: log-loss of models trained without it.",
        discussion: """
            Trains with all inputs, then once without each kind of them, with several seeds, and compares the log-loss on
            the test span. What is taken away is the same everywhere, in training and in the test.

              dinghy evaluate ablation shop.csv
              dinghy evaluate ablation shop.csv --seeds 1 --json

            Exit code: as of `evaluate intent`.
            """)

    @OptionGroup var options: SettingsOptions
    @OptionGroup var csv: CSVOptions
    @OptionGroup var training: Training
    @Argument(help: "The file, or - for standard input.")
    var file: String
    @Option(help: "Trainings of each kind, with seeds from 1.")
    var seeds: UInt64 = 3
    @Flag(help: "As JSON.")
    var json = false

    func validate() throws {
        guard 1...100 ~= seeds else { throw ValidationError("--seeds must be 1 to 100") }
    }

    /// One kind of input taken away.
    private struct Row: Encodable {
        /// `nothing`: all inputs are there.
        var without: String
        /// By seed.
        var logLoss: [Double]
        var auc: [Double]

        var meanLogLoss: Double { logLoss.reduce(0, +) / Double(logLoss.count) }
        var meanAUC: Double { auc.reduce(0, +) / Double(auc.count) }
    }

    func run() async throws {
        let settings = try await options.settings()
        let sessions = try await OfflineSessions.read(file, mapping: try csv.mapping(), settings: settings)
        var rows = [try row("nothing", sessions, settings)]
        for group in InputGroup.allCases {
            rows.append(try row(group.rawValue, sessions.map { group.removed(from: $0) }, settings))
        }
        Terminal.out(json ? try JSONOutput.text(rows) : Self.text(rows))
    }

    private func row(_ name: String, _ sessions: [TrainingSession], _ settings: Settings) throws -> Row {
        var row = Row(without: name, logLoss: [], auc: [])
        var training = training
        training.resamples = 0
        for seed in 1...seeds {
            training.seed = seed
            let overall = try training.train(sessions, settings).report["model"]?.overall
            guard let logLoss = overall?.logLoss, let auc = overall?.auc else {
                preconditionFailure("Ablation.row: a test span of one class is refused before")
            }
            row.logLoss.append(logLoss)
            row.auc.append(auc)
        }
        return row
    }

    private static func text(_ rows: [Row]) -> String {
        var text = "without               log-loss   more than with all   by seed        AUC\n"
        for row in rows {
            let more = zip(row.logLoss, rows[0].logLoss).map { $0 - $1 }
            text += padded(row.without, 20) + padded(digits(row.meanLogLoss), -10)
            text += padded(digits(row.meanLogLoss - rows[0].meanLogLoss), -21)
            text += "   " + more.map(digits).joined(separator: " ") + "   " + digits(row.meanAUC) + "\n"
        }
        return text
    }

    private static func digits(_ value: Double) -> String { "\((value * 100_000).rounded() / 100_000)" }

    /// To the left, or with a negative width to the right.
    private static func padded(_ text: String, _ width: Int) -> String {
        let space = String(repeating: " ", count: max(0, abs(width) - text.count))
        return width < 0 ? space + text : text + space
    }
}
