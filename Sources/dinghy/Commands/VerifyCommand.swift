import ArgumentParser
import EmbeddedLog
import EventLog
import Models
import ProgramSettings
import Scoring

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks that everything in the data directory is as it was written.",
        discussion: """
            Log and scores: gaps, order, the checksum of every record, SQLite's own check. Positions: whether they fit the
            log and the scores, and balance. Models: whether each can be read and is what was written. And a sample of the
            scores, scored again; `dinghy audit` does that with all of them. Nothing is changed. It may run beside a server,
            which it slows down; on a large log stop the server first.

              dinghy verify
              dinghy verify --data /var/lib/dinghy --sample 50000
              dinghy verify --json | jq .passed

            Exit code: 0 when everything is sound, 3 when something is not, 1 when it cannot be looked at.
            """)

    @OptionGroup var options: SettingsOptions
    @Option(help: "How many scores to score again; 0 for none.")
    var sample = 10_000
    @Option(help: "Chooses them: the same number, the same sample.")
    var seed: UInt64?
    @Flag(help: "As JSON.")
    var json = false

    /// What was found, part by part.
    struct Report: Encodable {
        var data: String
        /// The disk failed under the last process that wrote here, and no start has checked since.
        var failure: String?
        var log: StorageCheck.Report
        var positions: [Audit.Finding]
        var models: [Model]
        /// `nil` where none was scored again: records that cannot be read are found already.
        var sample: Audit.Report?
        var seed: UInt64
        var passed: Bool

        struct Model: Encodable {
            var number: Int
            var problem: String?
        }
    }

    func validate() throws {
        if sample < 0 { throw ValidationError("--sample \(sample): is no number of scores") }
    }

    func run() async throws {
        let settings = try await options.settings()
        guard settings.logKind == .embedded else {
            throw CommandFailure(
                "the log is Kafka's, which checks its own records: `dinghy audit` compares the scores on it")
        }
        let report = try await verify(settings.data)
        if json {
            Terminal.out(try JSONOutput.text(report))
        } else {
            Terminal.out(VerifyText.text(report))
        }
        if !report.passed { throw ExitCode(3) }
    }

    private func verify(_ path: String) async throws -> Report {
        let data = try await DataDirectory.openReadOnly(path)
        do {
            let report = try await verify(data, ModelRegistry(directory: path + "/models"))
            await data.close()
            return report
        } catch {
            await data.close()
            throw error
        }
    }

    private func verify(_ data: DataDirectory, _ registry: ModelRegistry) async throws -> Report {
        let bar = ProgressBar("verifying")
        let log = try await data.check { bar.update(done: $0, total: $1, unit: "records") }
        bar.finish()
        let positions = await PositionCheck(events: data.log, outputs: data.outputs).run()
        let models = try registry.numbers().map { number -> Report.Model in
            do throws(RegistryError) {
                _ = try registry.entry(number)
                _ = try registry.load(number)
                return Report.Model(number: number, problem: nil)
            } catch { return Report.Model(number: number, problem: "\(error)") }
        }
        let seed = seed ?? .random(in: 1 ... .max)
        var scored: Audit.Report?
        let scoringBar = ProgressBar("scoring again")
        if sample > 0, log.problems == 0 {
            scored = try await SampleAudit(events: data.log, outputs: data.outputs) { try registry.load($0) }
                .run(count: sample, seed: seed) { scoringBar.update(done: $0, total: $1, unit: "scores") }
        }
        scoringBar.finish()
        return Report(
            data: data.path, failure: DataDirectory.failure(of: data.path), log: log, positions: positions,
            models: models, sample: scored, seed: seed,
            passed: log.problems == 0 && positions.isEmpty && models.allSatisfy { $0.problem == nil }
                && scored?.passed ?? true)
    }
}

private enum VerifyText {
    static func text(_ report: VerifyCommand.Report) -> String {
        let log = report.log
        var text = """
            \(Terminal.thousands(log.events)) events, \(Terminal.thousands(log.scores)) scores, \
            \(Terminal.thousands(log.outcomes)) outcomes, \(Terminal.thousands(log.rejected)) rejected inputs

            """
        if log.withoutChecksum > 0 {
            text += "\(Terminal.thousands(log.withoutChecksum)) of them are from before there were checksums\n"
        }
        text += """
            \(report.models.count) models, \(Terminal.thousands(report.sample?.scores ?? 0)) scores scored again \
            (seed \(report.seed)), largest difference \(report.sample?.largestDifference ?? 0)

            """
        if let failure = report.failure {
            text += Terminal.colour("the next start checks everything: \(failure)", .yellow)
        }
        for finding in log.findings.prefix(20) { text += line(finding) }
        if log.problems > 20 { text += "… and \(Terminal.thousands(log.problems - 20)) more in log and scores\n" }
        for finding in report.positions + (report.sample?.findings.prefix(20) ?? []) {
            text += "partition \(finding.partition), offset \(finding.offset): \(finding.problem)\n"
        }
        for model in report.models {
            if let problem = model.problem { text += "model \(model.number): \(problem)\n" }
        }
        return text
            + (report.passed
                ? Terminal.colour("everything is sound\n", .green)
                : Terminal.colour("damaged: docs/operations.md says what to do\n", .red))
    }

    private static func line(_ finding: StorageCheck.Finding) -> String {
        let place = [finding.file, finding.partition.map { "partition \($0)" }, finding.offset.map { "offset \($0)" }]
        return place.compactMap { $0 }.joined(separator: ", ") + ": \(finding.problem)\n"
    }
}
