import Edge
import EventLog

/// Why a request was refused as a whole. Everything that the collector refuses is one of these, and `status` is the one
/// place that says which HTTP status it is.
enum CollectorError: Error, Equatable {
    /// The body, the query or the path cannot be read. `bytes`: how the body begins, where there is one.
    case unreadable(String, bytes: [UInt8] = [])
    case wrongWriteKey
    case deniedOrigin(String)
    /// Rows that do not follow the stored ones.
    case replayGap(String, expected: Int64)
    case tooLarge(String)
    case unsupported(String)
    /// The sender has sent as much as it may for now.
    case limited(String, retryAfter_s: Int)
    /// Nothing is wrong with the request; it is to be sent again.
    case unavailable(String, retryAfter_s: Int)

    var status: Int {
        switch self {
        case .unreadable: 400
        case .wrongWriteKey: 401
        case .deniedOrigin: 403
        case .replayGap: 409
        case .tooLarge: 413
        case .unsupported: 415
        case .limited: 429
        case .unavailable: 503
        }
    }

    var message: String {
        switch self {
        case .unreadable(let reason, _), .replayGap(let reason, _), .tooLarge(let reason), .unsupported(let reason),
            .limited(let reason, _), .unavailable(let reason, _):
            reason
        case .wrongWriteKey:
            "a write key is needed: in `Authorization: Bearer KEY`, in `X-Write-Key`, or as `key=` in the query"
        case .deniedOrigin(let origin):
            "pages of \(origin) may not send this: add it to the collector's origins"
        }
    }

    /// What the status asks for beside the message.
    var headers: [DirectReply.Header] {
        switch self {
        case .wrongWriteKey: [.init("WWW-Authenticate", "Bearer")]
        case .unsupported: [.init("Accept-Encoding", "gzip")]
        case .limited(_, let seconds), .unavailable(_, let seconds): [.init("Retry-After", String(seconds))]
        case .unreadable, .deniedOrigin, .replayGap, .tooLarge: []
        }
    }

    /// How soon to come back; where nobody can say, in five seconds.
    var retryAfter_s: Int {
        if case .unavailable(_, let seconds) = self { seconds } else { Self.retryAfter_s }
    }

    static let retryAfter_s = 5

    /// What a sender is told of the log's refusal. Paths and causes are for our own log, not for a shop's page.
    init(_ error: EventLogError) {
        self =
            switch error {
            case .overloaded(let seconds):
                .unavailable("more is coming in than the log can write", retryAfter_s: seconds)
            case .closed: .unavailable("this server is stopping", retryAfter_s: Self.retryAfter_s)
            case .replayGap(_, let expected, _): .replayGap(error.description, expected: expected)
            case .tooLarge: .tooLarge(error.description)
            case .unusable, .fenced, .partitionsLost, .mustRejoin, .failed, .stopped:
                .unavailable(
                    "the log failed, and whether anything was stored is unknown; the same ids may be sent again",
                    retryAfter_s: Self.retryAfter_s)
            }
    }
}
