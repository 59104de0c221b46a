import ArgumentParser
import AsyncHTTPClient
import EmbeddedLog
import EventLog
import FoundationEssentials
import ProgramSettings
import Replay

struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Reads a browsing CSV into the log.",
        discussion: """
            Rows go in time order, whatever the file's order, in bounded memory. A replay has its own timeline, named
            after the file's content unless --name says otherwise; rows that the log has are duplicates, so a replay
            may be broken off and repeated. A malformed row is kept in `rejected` with its line and stops nothing.

              dinghy replay shop.csv
              dinghy replay shop.csv --speed 100x
              zcat shop.csv.gz | dinghy replay - --name october
              dinghy replay shop.csv --live
              dinghy replay --from embedded --to kafka --config config/kafka.yaml

            The rows go to the server that serves the data directory, to the one named with --url, or straight into the
            directory where none runs. --from embedded moves the live events of a data directory's own log to a Kafka
            cluster, as a replay; stop its server first.

            Exit code: 0 when every row was stored, a duplicate or rejected, 1 when the replay broke off.
            """)

    @OptionGroup var target: TargetOptions
    @OptionGroup var csv: CSVOptions
    @Argument(help: "The file, or - for standard input.")
    var file: String?
    @Option(help: "A log instead of a file: embedded, the one in the data directory.")
    var from: Source?
    @Option(help: "Where a log goes: kafka, as the configuration names it.")
    var to: Destination?
    @Option(help: "Name of the replay, and of its timeline (default: digest of the file).")
    var name: String?
    @Option(help: "max, 1 for the original pace, or a multiple of it such as 100x.")
    var speed = "max"
    @Flag(help: "Store a file once more that was replayed to its end, under a name with a number behind it.")
    var again = false
    @Flag(help: "Send the rows as live events, shifted so that the first one happens now.")
    var live = false
    @Option(help: ArgumentHelp("Memory for sorting; beyond it rows go to temporary files.", valueName: "MiB"))
    var memory: Int = 256
    @Option(help: "Where those files go (default: the system's temporary directory).")
    var temporaryDirectory: String?
    @Option(help: "Write key of the server (or DINGHY_WRITE_KEY).")
    var writeKey: String?
    @Flag(help: "As JSON.")
    var json = false

    enum Source: String, ExpressibleByArgument, CaseIterable { case embedded }
    enum Destination: String, ExpressibleByArgument, CaseIterable { case kafka }

    func validate() throws {
        guard (from == nil) == (to == nil), (file == nil) != (from == nil) else {
            throw ValidationError("give a file, or --from embedded --to kafka")
        }
        if from != nil, live || again || speed != "max" || target.url != nil {
            throw ValidationError("--live, --again, --speed and --url are for files")
        }
        guard memory > 0 else { throw ValidationError("--memory must be above 0") }
        guard ReplaySpeed(speed) != nil else {
            throw ValidationError("--speed '\(speed)' is none: write max, 1, or a multiple such as 100x")
        }
    }

    func run() async throws {
        let settings = try await target.options.settings()
        let result: ReplayResult
        if from != nil {
            result = try await move(settings)
        } else if let url = target.servingURL(settings) {
            let key = writeKey ?? ProcessInfo.processInfo.environment["DINGHY_WRITE_KEY"]
            let sink = try HTTPSink(
                url: url, writeKey: key, token: settings.token.isEmpty ? nil : settings.token, client: Web.client)
            result = try await replay(into: sink, settings)
        } else {
            result = try await Opened.writing(settings) { try await replay(into: EventLogSink(log: $0.log), settings) }
        }
        Terminal.out(json ? try JSONOutput.text(Summary(result)) : Self.text(result))
    }

    /// From the data directory's own log to the cluster.
    private func move(_ settings: Settings) async throws -> ReplayResult {
        guard settings.logKind == .kafka else {
            throw CommandFailure("log.kind is \(settings.logKind.rawValue): give --config with log.kind: kafka")
        }
        var source = settings
        source.logKind = .embedded
        if let url = DataDirectory.servingURL(settings.data) {
            throw CommandFailure("\(settings.data) is served at \(url): stop that server first")
        }
        let options = ReplayOptions(name: name ?? "embedded")
        let bar = ProgressBar("moving")
        defer { bar.finish() }
        return try await Opened.reading(source) { from in
            try await Opened.writing(settings) { to in
                try await LogReplayer(
                    source: from.log, sink: EventLogSink(log: to.log), options: options, logger: settings.logger()
                ).run { bar.update($0) }
            }
        }
    }

    private func replay(into sink: some ReplaySink, _ settings: Settings) async throws -> ReplayResult {
        var options = ReplayOptions(
            name: name, mode: live ? .live : .replay, again: again, speed: ReplaySpeed(speed) ?? .max,
            memory_bytes: memory << 20, mapping: try csv.mapping())
        if let temporaryDirectory { options.temporaryDirectory = temporaryDirectory }
        let input: ReplayInput =
            switch file {
            case "-", nil: .standardInput
            case let path?: .file(path)
            }
        let bar = ProgressBar("replaying")
        defer { bar.finish() }
        return try await Replayer(options: options, sink: sink, logger: settings.logger())
            .run(input) { bar.update($0) }
    }

    static func text(_ result: ReplayResult) -> String {
        let counts = result.counts
        var text =
            "\(Terminal.thousands(counts.rows)) rows of replay \(result.name): "
            + "\(Terminal.thousands(counts.stored)) stored, \(Terminal.thousands(counts.duplicates)) duplicates, "
            + "\(Terminal.thousands(counts.rejected)) rejected\n"
        for problem in result.problems {
            text += Terminal.colour("  line \(problem.line): \(problem.reason)\n", .yellow)
        }
        if counts.rejected > result.problems.count, !result.problems.isEmpty {
            text += "  … and more; all of them are kept in `rejected`\n"
        }
        return text
    }

    /// What `--json` says.
    private struct Summary: Encodable {
        struct Problem: Encodable {
            var line: Int
            var reason: String
        }

        var name: String
        var rows: Int
        var stored: Int
        var duplicates: Int
        var rejected: Int
        var problems: [Problem]
        /// The earliest and latest own time of a row, milliseconds since the epoch.
        var from: Int64?
        var to: Int64?
        var ended: Bool
        var retries: Int

        init(_ result: ReplayResult) {
            name = result.name
            rows = result.counts.rows
            stored = result.counts.stored
            duplicates = result.counts.duplicates
            rejected = result.counts.rejected
            problems = result.problems.map { Problem(line: $0.line, reason: $0.reason) }
            from = result.span?.lowerBound
            to = result.span?.upperBound
            ended = result.ended
            retries = result.retries
        }
    }
}

extension ProgressBar {
    func update(_ progress: ReplayProgress) {
        let unit = progress.phase == .reading ? "bytes" : "rows"
        let counts = progress.counts
        var detail = progress.phase.rawValue
        if counts.duplicates > 0 { detail += ", \(Terminal.thousands(counts.duplicates)) duplicates" }
        if counts.rejected > 0 { detail += ", \(Terminal.thousands(counts.rejected)) rejected" }
        if let waiting = progress.waiting { detail += ", waiting \(Terminal.duration(waiting.seconds))" }
        update(done: progress.done, total: progress.total, unit: unit, detail: detail)
    }
}
