import ArgumentParser
import AsyncHTTPClient
import Console
import FoundationEssentials
import NIOCore
import NIOHTTP1
import ProgramSettings
import Scoring

struct TailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail",
        abstract: "Shows scores and outcomes as they come.",
        discussion: """
            Follows a running server and reconnects where it left off when the connection breaks.

              dinghy tail
              dinghy tail --min-score 0.2
              dinghy tail --session abc --json | jq .score

            Exit code: 0 when --count records were shown, 1 when the server refuses the request or cannot be found.
            """)

    @OptionGroup var target: TargetOptions
    @Option(help: ArgumentHelp("Only scores from this on.", valueName: "0…1"))
    var minScore: Float?
    @Option(help: "Only this session: its id or visitor as sent, its key (s:…, v:…) or its identity (0:17).")
    var session: String?
    @Option(help: "Only this timeline: live, or a replay's name.")
    var timeline: String?
    @Option(help: "Only events of this type: add, say.")
    var type: String?
    @Option(help: "End after this many records.")
    var count: Int?
    @Flag(help: "Begin with the oldest record that is kept.")
    var fromStart = false
    @Flag(help: "One JSON record a line, as stored.")
    var json = false

    func run() async throws {
        let settings = try await target.options.settings()
        var url = try URLParts(base: target.url(settings), path: "/scores")
        if let minScore { url.add("min-score", "\(minScore)") }
        if let session { url.add("session", session) }
        if let timeline { url.add("timeline", timeline) }
        if let type { url.add("type", type) }
        var tail = Tail(client: Web.client, url: url.text, token: settings.token, json: json, remaining: count)
        if fromStart { tail.lastID = FeedPosition.startID }
        try await tail.run()
    }
}

/// Follows `/scores` over as many connections as it takes.
private struct Tail {
    let client: HTTPClient
    let url: String
    let token: String
    let json: Bool
    var remaining: Int?
    var lastID: String?
    var connected = false
    private var wasConnected = false

    init(client: HTTPClient, url: String, token: String, json: Bool, remaining: Int?) {
        self.client = client
        self.url = url
        self.token = token
        self.json = json
        self.remaining = remaining
    }

    mutating func run() async throws {
        while true {
            do {
                if try await follow() { return }
            } catch let error as CommandFailure {
                throw error
            } catch {
                // Whatever broke the connection: a server that was there will be there again.
                guard wasConnected else {
                    throw CommandFailure(
                        "no server answers at \(url) (\(error)): start one with `dinghy serve`, or name it with --url")
                }
            }
            if connected {
                connected = false
                Terminal.error(Terminal.colour("connection lost, reconnecting\n", .dim, if: Terminal.errorIsTerminal))
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// Returns true when enough was shown.
    private mutating func follow() async throws -> Bool {
        var request = HTTPClientRequest(url: url)
        request.show(token)
        if let lastID { request.headers.add(name: "Last-Event-ID", value: lastID) }
        let response = try await client.execute(request, timeout: .hours(24 * 365))
        guard response.status == .ok else {
            let reason = try await response.body.collect(upTo: 1 << 16)
            throw CommandFailure("\(url) answers \(response.status.code): \(String(buffer: reason))")
        }
        connected = true
        wasConnected = true
        var events = ServerSentEvents()
        for try await chunk in response.body {
            for event in events.feed(chunk.readableBytesView) {
                lastID = events.lastID
                if try show(event) { return true }
            }
            lastID = events.lastID ?? lastID
        }
        return false
    }

    private mutating func show(_ event: ServerSentEvents.Event) throws -> Bool {
        if event.name == "dropped" {
            Terminal.error(
                Terminal.colour(
                    "too slow, older records were dropped: \(event.data)\n", .yellow, if: Terminal.errorIsTerminal))
            return false
        }
        if json {
            Terminal.out(event.data + "\n")
        } else if event.name == "score" {
            Terminal.out(TailLine.text(try JSONDecoder().decode(ScoreRecord.self, from: Data(event.data.utf8))) + "\n")
        } else if event.name == "outcome" {
            Terminal.out(
                TailLine.text(try JSONDecoder().decode(OutcomeRecord.self, from: Data(event.data.utf8))) + "\n")
        } else {
            return false
        }
        if let left = remaining {
            remaining = left - 1
            return left <= 1
        }
        return false
    }
}

/// A record as people read it.
enum TailLine {
    static func text(_ score: ScoreRecord) -> String {
        let bar = String(repeating: "▮", count: Int((score.score * 20).rounded()))
        let value = Terminal.percent(Double(score.score))
        let colour: Terminal.Colour = score.score >= 0.2 ? .green : score.score >= 0.05 ? .yellow : .dim
        let change = score.change.map { ($0 < 0 ? "" : "+") + Terminal.percent(Double($0)) } ?? ""
        let key = shortened(score.key, to: 18)
        let what = shortened(score.sku ?? score.page ?? "", to: 14)
        return "\(padded(key, 18))  \(padded(score.type, 8)) \(padded(what, 14)) #\(padded("\(score.prefix)", 4))"
            + "cart \(padded("\(score.cart)", 3)) "
            + Terminal.colour("\(padded(value, 8, left: true)) \(padded(bar, 20))", colour)
            + " \(padded(change, 9, left: true))  model \(score.model)"
            + (score.bot == true ? Terminal.colour("  bot", .yellow) : "")
    }

    static func text(_ outcome: OutcomeRecord) -> String {
        let key = shortened(outcome.key, to: 18)
        let text = outcome.purchased ? "closed with a purchase" : "closed without a purchase"
        return "\(padded(key, 18))  "
            + Terminal.colour("\(text) after \(outcome.records) events", outcome.purchased ? .bold : .dim)
            + (outcome.bot == true ? Terminal.colour("  bot", .yellow) : "")
    }

    private static func shortened(_ text: String, to count: Int) -> String {
        text.count <= count ? text : String(text.prefix(count - 1)) + "…"
    }

    private static func padded(_ text: String, _ width: Int, left: Bool = false) -> String {
        let room = String(repeating: " ", count: max(0, width - text.count))
        return left ? room + text : text + room
    }
}
