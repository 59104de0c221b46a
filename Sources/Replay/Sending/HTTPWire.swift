package import EventLog
import Events
import FoundationEssentials

/// What goes over HTTP between a replay and a server. Bodies are newline-delimited JSON, a row a line: an event's
/// record as it stands on the log, or what a rejected row was:
///
///     {"rejected":{"reason":"…","line":17,"bytes":"BASE64"}}
package enum HTTPWire {
    package static func body(_ rows: [ReplayRow]) -> [UInt8] {
        var body: [UInt8] = []
        body.reserveCapacity(rows.count * 320)
        for row in rows {
            switch row.content {
            case .event(let record): body += record.value
            case .rejected(let record): body += line(record)
            }
            body.append(UInt8(ascii: "\n"))
        }
        return body
    }

    private static func line(_ record: RejectedRecord) -> [UInt8] {
        var object = JSONWriter()
        object.member("reason", record.reason)
        if let line = record.line { object.member("line", line) }
        object.member("bytes", Data(record.bytes).base64EncodedString())
        return Array(#"{"rejected":"#.utf8) + object.finish() + [UInt8(ascii: "}")]
    }

    /// Everything but letters, digits and `-._~` as %XX.
    package static func percentEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(UnicodeScalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return encoded
    }
}

extension HTTPWire {
    /// The answer to `GET /replay/NAME` and `POST /replay/NAME/end`.
    struct Mark: Decodable {
        var lastRow: Int64
        var ended: Bool
    }

    /// The answer to `POST /replay/NAME?row=N`.
    struct Appended: Decodable {
        var stored: Int
        var rejected: Int
        var duplicates: Int
    }

    /// The answer to `POST /collect`, as far as it is read.
    struct Collected: Decodable {
        struct Verdict: Decodable {
            var verdict: String
            var reason: String?
        }
        var events: [Verdict]
    }

    /// The body of a refusal.
    struct Refusal: Decodable {
        var error: String
        /// Of a 409: the row with which the replay goes on.
        var expected: Int64?
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ body: [UInt8]) -> Value? {
        try? JSONDecoder().decode(type, from: Data(body))
    }
}

extension LiveVerdict {
    init?(_ verdict: HTTPWire.Collected.Verdict) {
        switch verdict.verdict {
        case "stored": self = .stored
        case "duplicate": self = .duplicate
        case "rejected": self = .rejected(reason: verdict.reason ?? "no reason given")
        case "retry": self = .retry
        default: return nil
        }
    }
}
