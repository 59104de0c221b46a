import ArgumentParser
import EventLog
import Events
import Intent
import ProgramSettings
import Sessions
import Synchronization

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says why a session has its score.",
        discussion: """
            How much each event moved the score, and what the score would be without the event or with an ordinary
            input in place of the session's: every figure is the model's own, none is estimated. Reads the log beside a
            running server, or a browsing CSV; of several sessions with the key the last one.

              dinghy explain s:4f1c…
              dinghy explain s:4f1c… --file shop.csv --model shop.model --json

            Exit code: 0 when there is an explanation, 1 otherwise.
            """)

    @OptionGroup var options: SettingsOptions
    @OptionGroup var csv: CSVOptions
    @Argument(
        help: "The session's key (s:… or v:…), or its id as it was sent. May be left out for a file of one session.")
    var session: String?
    @Option(help: "A browsing CSV instead of the log, or - for standard input.")
    var file: String?
    @Option(help: "A model file, or a number in the registry (default: the champion).")
    var model: String?
    @Flag(help: "As JSON.")
    var json = false

    func validate() throws {
        guard session != nil || file != nil else {
            throw ValidationError("give a session, or a file of one with --file")
        }
    }

    func run() async throws {
        let settings = try await options.settings()
        let model = try await Opened.model(model, settings).model
        let found = try await find(settings)
        guard let session = found.session else {
            throw CommandFailure(
                self.session.map { "there is no session '\($0)' in \(file ?? settings.data)" }
                    ?? "\(file ?? "-") holds no session")
        }
        if self.session == nil, found.isOneOfMany {
            throw CommandFailure("\(file ?? "-") holds several sessions, the first is \(found.first): name one")
        }
        guard !session.steps.isEmpty else {
            throw CommandFailure("session '\(session.key)' begins with its purchase: nothing of it has a score")
        }
        let explained = Explained(
            session: session.key, purchased: session.purchased,
            explanation: Explanation(model: model, steps: session.steps))
        Terminal.out(json ? try JSONOutput.text(explained) : explained.text)
    }

    private func find(_ settings: Settings) async throws -> SessionSearch {
        guard let file else {
            return try await Opened.reading(settings) { opened in
                var search = SessionSearch(session)
                for partition in 0..<opened.log.partitionCount {
                    try await search.read(opened.log, partition: partition)
                }
                return search
            }
        }
        let search = Mutex(SessionSearch(session))
        let read = try await FileFold.read(
            file, mapping: try csv.mapping(), logger: settings.logger(), title: "reading"
        ) { record in search.withLock { $0.take(record) } }
        Terminal.error(read.warning)
        return search.withLock { $0 }
    }
}

/// Looks for a session in a log while folding it.
private struct SessionSearch {
    private let name: String?
    private var fold = SessionFold()
    /// The last one found, as it was after its last record.
    private(set) var session: Session?
    private(set) var first = ""
    private(set) var isOneOfMany = false

    init(_ name: String?) { self.name = name }

    mutating func read(_ log: any EventLog, partition: Int) async throws {
        let range = try await log.bounds(partition: partition)
        fold = SessionFold(start: range.lowerBound)
        let reader = try await log.reader(partition: partition, from: range.lowerBound)
        while fold.nextOffset < range.upperBound {
            let records = try await reader.next(limit: 4_000, wait: .zero)
            if records.isEmpty { break }
            for record in records where record.offset < range.upperBound { take(record) }
        }
    }

    mutating func take(_ record: StoredRecord) {
        let entry = try? RecordCoder.decode(record.value)
        let outcome = fold.fold(offset: record.offset, time: record.time, entry: entry, scoring: false) { _ in }
        let slot: Int
        switch outcome {
        case .step(let one), .afterPurchase(let one), .repeated(let one): slot = one
        default: return
        }
        guard name.map({ Self.isNamed(fold[slot].key, $0) }) ?? true else { return }
        if let session, session.firstOffset != fold[slot].firstOffset { isOneOfMany = true }
        session = fold[slot]
        if first.isEmpty { first = fold[slot].key }
    }

    private static func isNamed(_ key: String, _ name: String) -> Bool { key == name || key.dropFirst(2) == name }
}

private struct Explained: Encodable {
    var session: String
    var purchased: Bool
    var explanation: Explanation

    var text: String {
        var lines = [explanation.sentence, "", "event        kind        score    change   without it"]
        for event in explanation.events {
            lines.append(
                Self.padded("\(event.number)", 5) + "  " + Self.padded(event.kind, 10) + "  "
                    + Self.padded(Self.percent(event.score), 10) + Self.padded(Self.percent(event.change), 10)
                    + Self.padded(event.effect.map { Self.percent(explanation.score - $0) } ?? "-", 13))
        }
        lines += ["", "the score would be"]
        for input in explanation.inputs {
            lines.append(
                "  " + Self.padded(Self.percent(explanation.score - input.effect), 9) + "  with \(input.otherwise)")
        }
        if purchased { lines.append("\nthe session bought after these events") }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func percent(_ value: Float) -> String { "\((Double(value) * 10_000).rounded() / 100) %" }

    private static func padded(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
