import EventLog
import Events
import Scoring

/// One score or outcome on its way to consoles: the record's own bytes, and what filters and look-ups ask of it. A
/// class, because every client that wants a message keeps it: a reference costs one count, not four.
final class FeedMessage: Sendable {
    let stream: OutputStream
    let partition: Int
    /// The output offset.
    let offset: Int64
    let session: SessionIdentity
    let key: String
    let timeline: String
    let type: String?
    let score: Float?
    let json: [UInt8]

    /// - Throws: `EventError` where the record is none of ours, naming the field or the byte.
    init(stream: OutputStream, partition: Int, record: StoredRecord) throws(EventError) {
        var session: String?
        var key: String?
        var timeline: String?
        var type: String?
        var score: Float?
        try JSONMembers.read(record.value) { member throws(EventError) in
            switch member {
            case "session": session = try member.string()
            case "key": key = try member.string()
            case "timeline": timeline = try member.string()
            case "type": type = try member.string()
            case "score": score = try member.float()
            default: break
            }
        }
        guard let identity = SessionIdentity(try JSONMembers.required(session, "session")) else {
            throw EventError(field: "session", reason: "must be PARTITION:FIRSTOFFSET")
        }
        self.stream = stream
        self.partition = partition
        offset = record.offset
        self.session = identity
        self.key = try JSONMembers.required(key, "key")
        self.timeline = try JSONMembers.required(timeline, "timeline")
        self.type = type
        self.score = score
        json = record.value
    }
}

/// A run of messages of one partition of a stream, and the output offset that follows it.
struct FeedBatch: Sendable {
    var stream: OutputStream
    var partition: Int
    var next: Int64
    var messages: [FeedMessage]
}
