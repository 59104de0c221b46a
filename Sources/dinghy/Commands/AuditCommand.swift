import ArgumentParser
import Models
import Scoring

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Scores the whole log again and compares every recorded score.",
        discussion: """
            Reads log, model files and score records, nothing else, and may run beside a server. Every score must come
            out the same to the last bit, every outcome too, and every record must be in exactly one account. Where
            retention has removed the beginning, what is left is audited; what cannot be compared is counted.

              dinghy audit
              dinghy audit --json | jq .largestDifference

            Exit code: 0 when nothing differs, 3 when something does, 1 when the audit cannot be made.
            """)

    @OptionGroup var options: SettingsOptions
    @Flag(help: "As JSON.")
    var json = false

    func run() async throws {
        let settings = try await options.settings()
        let bar = ProgressBar("auditing")
        let report = try await Opened.reading(settings) { opened in
            let models = opened.models
            try await models.refresh()
            return try await Audit(events: opened.log, outputs: opened.outputs) { try models.load($0) }
                .run { done, total in bar.update(done: done, total: total, unit: "records") }
        }
        bar.finish()
        if json {
            Terminal.out(try JSONOutput.text(report))
        } else {
            Terminal.out(Self.text(report))
        }
        if !report.passed { throw ExitCode(3) }
    }

    static func text(_ report: Audit.Report) -> String {
        let models = report.models.map(String.init).joined(separator: ", ")
        var text = """
            \(Terminal.thousands(report.scores)) scores by model \(models.isEmpty ? "-" : models) scored again, \
            largest difference \(report.largestDifference)
            \(Terminal.thousands(report.outcomes)) outcomes compared, \(Terminal.thousands(report.unscored)) events \
            unscored

            """
        if report.removed > 0 {
            text += """
                \(Terminal.thousands(report.removed)) records that retention has removed are not audited, nor \
                \(Terminal.thousands(report.truncated)) events and outcomes of sessions that began there

                """
        }
        for finding in report.findings.prefix(20) {
            text += "partition \(finding.partition), offset \(finding.offset): \(finding.problem)\n"
        }
        if report.problems > 20 { text += "… and \(Terminal.thousands(report.problems - 20)) more\n" }
        return text
            + (report.passed
                ? Terminal.colour("nothing differs\n", .green)
                : Terminal.colour("\(report.problems) differences\n", .red))
    }
}
