import EventLog
import Events
import FoundationEssentials
import Scoring

/// One score or outcome on its way to consoles: the record's own bytes, and what filters ask of it.
struct FeedMessage: Sendable {
    let stream: OutputStream
    let partition: Int
    /// The output offset.
    let offset: Int64
    let session: String
    let key: String
    let timeline: String
    let type: String?
    let score: Float?
    let json: [UInt8]

    /// - Throws: `DecodingError` where the record is none of ours.
    init(stream: OutputStream, partition: Int, record: StoredRecord) throws {
        self.stream = stream
        self.partition = partition
        offset = record.offset
        json = record.value
        let head = try JSONDecoder().decode(Head.self, from: Data(record.value))
        session = head.session
        key = head.key
        timeline = head.timeline
        type = head.type
        score = head.score
    }

    private struct Head: Decodable {
        var session: String
        var key: String
        var timeline: String
        var type: String?
        var score: Float?
    }
}

/// Which messages a client wants.
public struct FeedFilter: Sendable, Equatable {
    /// Scores below it are left out.
    public var minScore: Float?
    /// A session's identity (`0:17`), its key (`s:abc`), or the id or visitor as sent (`abc`).
    public var session: String?
    public var timeline: String?
    /// The event's type: `add`, say. Outcomes have none.
    public var type: String?
    /// Whether outcomes are wanted beside scores.
    public var outcomes = true

    public init(
        minScore: Float? = nil, session: String? = nil, timeline: String? = nil, type: String? = nil,
        outcomes: Bool = true
    ) {
        self.minScore = minScore
        self.session = session
        self.timeline = timeline
        self.type = type
        self.outcomes = outcomes
    }

    func admits(_ message: FeedMessage) -> Bool {
        if let timeline, message.timeline != timeline { return false }
        if let session, message.session != session, message.key != session,
            message.key.dropFirst(2) != session[...]
        {
            return false
        }
        switch message.stream {
        case .outcomes: return outcomes && type == nil && minScore == nil
        case .scores:
            if let type, message.type != type { return false }
            if let minScore { return (message.score ?? 0) >= minScore }
            return true
        }
    }
}
