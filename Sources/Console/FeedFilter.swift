import EventLog
import Hummingbird
import Scoring

/// Which messages a client wants.
struct FeedFilter: Sendable, Equatable {
    /// Scores below it are left out, and with them outcomes, which have none.
    var minScore: Float?
    /// A session's identity (`0:17`), its key (`s:abc`), or the session or visitor id as sent (`abc`).
    var session: String?
    var timeline: String?
    /// The event's type: `add`, say. Outcomes have none.
    var type: String?
    /// Whether outcomes are wanted beside scores.
    var outcomes = true

    func admits(_ message: FeedMessage) -> Bool {
        if let timeline, message.timeline != timeline { return false }
        if let session, !Self.names(session, message) { return false }
        switch message.stream {
        case .outcomes: return outcomes && type == nil && minScore == nil
        case .scores:
            if let type, message.type != type { return false }
            if let minScore { return (message.score ?? 0) >= minScore }
            return true
        }
    }

    private static func names(_ session: String, _ message: FeedMessage) -> Bool {
        message.key == session || message.key.dropFirst(2) == session[...]
            || SessionIdentity(session) == message.session
    }
}

extension FeedFilter {
    /// `min-score`, `session`, `timeline`, `type`, `outcomes`: an unknown name or a malformed value is refused, so that
    /// a misspelt filter does not show everything.
    init(query: some Sequence<(key: Substring, value: Substring)>) throws(HTTPError) {
        for (name, value) in query {
            switch name {
            case "min-score":
                guard let score = Float(value), (0...1).contains(score) else {
                    throw HTTPError(.badRequest, message: "min-score '\(value)' is no number from 0 to 1")
                }
                minScore = score
            case "session": session = String(value)
            case "timeline": timeline = String(value)
            case "type": type = String(value)
            case "outcomes":
                guard let wanted = Bool(String(value)) else {
                    throw HTTPError(.badRequest, message: "outcomes '\(value)' is neither true nor false")
                }
                outcomes = wanted
            case "lastEventId": continue
            default:
                throw HTTPError(
                    .badRequest,
                    message: "unknown filter '\(name)'; known are min-score, session, timeline, type, outcomes")
            }
        }
    }
}
