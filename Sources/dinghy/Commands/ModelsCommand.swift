import ArgumentParser
import FoundationEssentials
import Intent
import Models

struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "Lists, shows, imports, promotes and rolls back models.",
        discussion: """
            A running server takes a new champion between two events.

              dinghy models list
              dinghy models show 17
              dinghy models promote 17
              dinghy models rollback

            Exit code: 0 done, 1 otherwise.
            """,
        subcommands: [List.self, Show.self, Promote.self, Rollback.self, Import.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "All models, the oldest first.", discussion: "  dinghy models list --json | jq '.[].number'")
        @OptionGroup var options: SettingsOptions
        @Flag(help: "As JSON.")
        var json = false

        func run() async throws {
            let models = try await Opened.models(try await options.settings())
            let entries = try models.list { Terminal.error("Warning: \($0)\n") }
            if json { return Terminal.out(try JSONOutput.text(entries)) }
            let champion = try models.championNumber()
            guard !entries.isEmpty else { return Terminal.out("no models yet: `dinghy retrain` makes the first\n") }
            for entry in entries { Terminal.out(ModelText.line(entry, isChampion: entry.number == champion)) }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A model's report and verdict.", discussion: "  dinghy models show 17")
        @OptionGroup var options: SettingsOptions
        @Argument(help: "Its number (default: the champion).")
        var number: Int?
        @Flag(help: "As JSON.")
        var json = false

        func run() async throws {
            let models = try await Opened.models(try await options.settings())
            guard let number = try number ?? models.championNumber() else {
                throw CommandFailure("there is no champion yet: name a model by its number")
            }
            let entry = try models.entry(number)
            if json { return Terminal.out(try JSONOutput.text(entry)) }
            Terminal.out(ModelText.line(entry, isChampion: number == (try models.championNumber())))
            if let verdict = entry.verdict { Terminal.out("verdict: \(verdict.reason)\n") }
            if let report = entry.report { Terminal.out("\n" + report.text) }
            let changes = try models.history().filter { $0.to == number || $0.from == number }
            for change in changes { Terminal.out(ModelText.line(change)) }
        }
    }

    struct Promote: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a model the champion.", discussion: "  dinghy models promote 17 --reason 'after the sale'")
        @OptionGroup var options: SettingsOptions
        @Argument(help: "Its number.")
        var number: Int
        @Option(help: "Why, for the history.")
        var reason = "by hand"

        func run() async throws {
            let models = try await Opened.models(try await options.settings())
            try await models.promote(number, by: .promote, reason: reason, time: WallClock.now())
            Terminal.out("model \(number) is champion\n")
        }
    }

    struct Rollback: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes the champion before the present one champion again.",
            discussion: "  dinghy models rollback --reason 'scores look wrong'")
        @OptionGroup var options: SettingsOptions
        @Option(help: "Why, for the history.")
        var reason = "by hand"

        func run() async throws {
            let models = try await Opened.models(try await options.settings())
            let number = try await models.rollback(reason: reason, time: WallClock.now())
            Terminal.out("model \(number) is champion again\n")
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes a model file from elsewhere.", discussion: "  dinghy models import shop.model --promote")
        @OptionGroup var options: SettingsOptions
        @Argument(help: "The file, as `dinghy train` writes it.")
        var file: String
        @Flag(help: "Make it the champion.")
        var promote = false

        func run() async throws {
            let models = try await Opened.models(try await options.settings())
            let model = try ModelRegistry.load(file)
            let entry = try await models.add(
                model, origin: .imported, report: nil, verdict: nil, time: WallClock.now(), holding: nil)
            if promote {
                try await models.promote(
                    entry.number, by: .promote, reason: "imported from \(URL(filePath: file).lastPathComponent)",
                    time: WallClock.now())
            }
            Terminal.out("model \(entry.number) is \(promote ? "champion" : "in the registry")\n")
        }
    }
}

/// A model in one line.
enum ModelText {
    static func line(_ entry: ModelEntry, isChampion: Bool) -> String {
        let metrics = entry.report?["model"]?.overall
        let log = metrics?.logLoss.map { "log-loss \(fixed($0))" } ?? "no report"
        let auc = metrics?.auc.map { ", AUC \(fixed($0))" } ?? ""
        let line =
            "\(isChampion ? "*" : " ") \(entry.number)  \(date(entry.created))  \(entry.origin.rawValue)  hidden "
            + "\(entry.hiddenSize)  \(Terminal.thousands(entry.metadata.sessions)) sessions, "
            + "\(Terminal.thousands(entry.metadata.buyers)) buyers  \(log)\(auc)\n"
        return isChampion ? Terminal.colour(line, .bold) : line
    }

    static func line(_ change: ModelChange) -> String {
        "\(date(change.time))  \(change.by.rawValue): \(change.from.map(String.init) ?? "none") → \(change.to), "
            + "\(change.reason)\n"
    }

    static func date(_ time: Int64) -> String {
        Date(timeIntervalSince1970: Double(time) / 1_000).formatted(.iso8601)
    }

    private static func fixed(_ value: Double) -> String { String((value * 10_000).rounded() / 10_000) }
}
