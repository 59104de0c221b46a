import ArgumentParser
import Console
import Models
import ProgramSettings
import Retraining
import Scoring
import SpooledLog

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows where log, scoring, models and schedule stand.",
        discussion: """
            Asks the running server, or reads the data directory where none runs.

              dinghy status
              dinghy status --json | jq .partitions

            Exit code: 0 when the accounting balances, 3 when it does not, 1 when nothing can be read.
            """)

    @OptionGroup var target: TargetOptions
    @Flag(help: "As JSON.")
    var json = false

    func run() async throws {
        let report = try await report()
        if json {
            Terminal.out(String(decoding: try report.json(), as: UTF8.self))
        } else {
            Terminal.out(StatusText.text(report))
        }
        if !report.partitions.allSatisfy(\.balanced) { throw ExitCode(3) }
    }

    private func report() async throws -> StatusReport {
        let settings = try await target.options.settings()
        guard let url = target.servingURL(settings) else {
            return try await Opened.reading(settings) { opened in
                try await opened.models.refresh()
                return try await opened.status()
            }
        }
        let page = try URLParts(base: url, path: "/status")
        return try StatusReport(json: try await Web.get(page, token: settings.token))
    }
}

enum StatusText {
    static func text(_ report: StatusReport) -> String {
        var lines: [(String, String)] = []
        lines.append(
            (
                "log",
                "\(report.log), \(report.partitions.count) partition\(report.partitions.count == 1 ? "" : "s"), durable by \(report.durability)"
            ))
        lines.append(
            (
                "stored",
                "\(Terminal.thousands(report.stored)) records, \(Terminal.thousands(report.rejected)) rejected inputs beside them"
            ))
        if let stopped = report.stopped { lines.append(("STOPPED", Terminal.colour(stopped, .red))) }
        let removed = report.partitions.reduce(0) { $0 + $1.logStart }
        if removed > 0 {
            let oldest = report.partitions.map { "\($0.partition):\($0.logStart)" }.joined(separator: ", ")
            lines.append(("oldest", "offsets \(oldest); retention has removed \(Terminal.thousands(removed)) records"))
        }
        let accounts = ["scored", "after_purchase", "repeated", "unscored", "muted", "control", "rejected", "markers"]
            .map { ($0, report.total($0)) }.filter { $0.0 == "scored" || $0.1 > 0 }
        lines.append(
            (
                "accounts",
                accounts.map { "\(Terminal.thousands($0.1)) \($0.0.replacing("_", with: " "))" }.joined(separator: ", ")
            ))
        lines.append(("pending", Terminal.thousands(report.partitions.reduce(0) { $0 + $1.pending })))
        if let scoring = report.scoring { lines.append(("scoring", self.scoring(scoring, of: report))) }
        let opened = report.sessions("opened")
        let ended = report.sessions("closed") + report.sessions("muted")
        lines.append(
            (
                "sessions",
                "\(Terminal.thousands(opened)) (\(Terminal.thousands(opened - ended)) open), "
                    + "\(Terminal.thousands(report.sessions("with_add"))) closed with an add, "
                    + "\(Terminal.thousands(report.sessions("purchased"))) with a purchase, "
                    + "\(Terminal.thousands(report.sessions("bots"))) a machine's"
            ))
        if let spool = report.spool {
            lines.append(("spool", text(spool)))
        }
        let champion =
            report.models.champion.map { "model \($0) scores" } ?? "no model yet: events are counted as unscored"
        lines.append(("models", "\(champion), \(report.models.count) kept"))
        if let retraining = report.retraining {
            let runs = retraining.nextRuns.prefix(3).map(ModelText.date).joined(separator: ", ")
            lines.append(("retraining", "\(retraining.schedule) (\(retraining.timeZone)), next \(runs)"))
            if let last = retraining.last {
                let result = last.exit.name.replacing("_", with: " ")
                lines.append(("last run", "\(result), \(ModelText.date(last.finished))"))
            }
        }
        let balanced = report.partitions.allSatisfy(\.balanced)
        lines.append(("accounting", balanced ? "balances" : Terminal.colour("DOES NOT BALANCE", .red)))
        return lines.map { name, text in
            Terminal.colour(name + String(repeating: " ", count: 12 - name.count), .dim) + text + "\n"
        }.joined()
    }

    /// What this process scores, how far behind it is, and how far the silent fold has come where one is under way.
    private static func scoring(_ scoring: StatusReport.Scoring, of report: StatusReport) -> String {
        var text = "\(scoring.assigned.count) of \(report.partitions.count) partitions"
        if let lag = report.lagSeconds { text += ", at most \((lag * 10).rounded() / 10) s behind" }
        text += ", \(scoring.rebalances) rebalance\(scoring.rebalances == 1 ? "" : "s")"
        for partition in report.partitions {
            guard let fold = partition.foldAgain, fold.at < fold.to else { continue }
            let percent = 100 * (fold.at - fold.from) / (fold.to - fold.from)
            text +=
                ", partition \(partition.partition) folds again: \(percent) % of "
                + "\(Terminal.thousands(fold.to - fold.from)) records"
        }
        return text
    }

    private static func text(_ spool: SpoolStatus) -> String {
        let waiting =
            spool.oldest_s.map { oldest in
                "\(Terminal.thousands(spool.records)) waiting (\(Terminal.thousands(spool.bytes)) bytes, the oldest for "
                    + "\(Int(oldest)) s)"
            } ?? "empty"
        return "\(waiting), \(Terminal.thousands(spool.drained)) drained, \(Terminal.thousands(spool.refused)) refused"
    }
}
