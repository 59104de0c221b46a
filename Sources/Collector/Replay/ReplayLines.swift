import EventLog
import Events
import FoundationEssentials

/// Reads the body of a replay request: line *i* is row `first + i`. All or nothing, so that what a sender counts and
/// what the log counts cannot drift apart.
///
/// A line is an event's record exactly as it is to stand on the log, or a row that its sender could not use:
///
///     {"id":"…","session":"…","type":"detail","timestamp":1570000000000,"received":1570000000123,"timeline":"NAME"}
///     {"rejected":{"reason":"…","line":17,"bytes":"BASE64"}}
struct ReplayLines {
    let name: String
    let received: Int64
    let maxRows: Int

    private struct Rejection: Decodable {
        struct Content: Decodable {
            var reason: String
            var line: Int?
            var bytes: Data
        }
        var rejected: Content
    }

    /// More than any reason of ours has.
    private static let maxReasonBytes = 1_024

    func rows(_ body: [UInt8], first: Int64) throws(CollectorError) -> [ReplayRow] {
        var lines = body[...]
        // The last line may end with a newline as well.
        if lines.last == UInt8(ascii: "\n") { lines.removeLast() }
        guard !lines.isEmpty else { throw .unreadable("an empty body; a row is a line of it") }
        var rows: [ReplayRow] = []
        var index: Int64 = 0
        while true {
            guard rows.count < maxRows else {
                throw .tooLarge("more than \(maxRows) rows in one body; send them in several")
            }
            let (number, overflow) = first.addingReportingOverflow(index)
            guard !overflow else { throw .unreadable("row numbers beyond 64 bits") }
            let end = lines.firstIndex(of: UInt8(ascii: "\n")) ?? lines.endIndex
            do throws(EventError) {
                rows.append(ReplayRow(number: number, content: try content(lines[..<end])))
            } catch {
                throw .unreadable("line \(index + 1) (row \(number)): \(error)")
            }
            guard end < lines.endIndex else { return rows }
            lines = lines[(end + 1)...]
            index += 1
        }
    }

    private func content(_ line: ArraySlice<UInt8>) throws(EventError) -> ReplayRow.Content {
        if Self.isRejection(line) { return .rejected(try rejection(line)) }
        let entry = try line.withUnsafeBufferPointer { bytes throws(EventError) in try RecordCoder.decode(bytes) }
        guard case .event(let event, let timeline) = entry else {
            throw EventError(field: "control", reason: "a row is an event; marks are the log's own")
        }
        guard timeline != .live, timeline.name == name else {
            throw EventError(field: "timeline", reason: "must be the replay's name, as in the path")
        }
        return .event(NewRecord(key: event.sessionKey, value: Array(line), identity: event.identity))
    }

    /// Whether the object's first key is `rejected`.
    private static func isRejection(_ line: ArraySlice<UInt8>) -> Bool {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
        let object = line.drop(while: isSpace)
        guard object.first == UInt8(ascii: "{") else { return false }
        return object.dropFirst().drop(while: isSpace).starts(with: #""rejected""#.utf8)
    }

    private func rejection(_ line: ArraySlice<UInt8>) throws(EventError) -> RejectedRecord {
        guard line.count <= EventLimits.recordBytes else {
            throw EventError(reason: "\(line.count) bytes, more than the \(EventLimits.recordBytes) of a record")
        }
        let content: Rejection.Content
        do {
            content = try JSONDecoder().decode(Rejection.self, from: Data(line)).rejected
        } catch {
            throw EventError(
                field: "rejected", reason: "must hold `reason`, perhaps `line`, and `bytes` in base 64")
        }
        guard !content.reason.isEmpty, content.reason.utf8.count <= Self.maxReasonBytes else {
            throw EventError(field: "rejected.reason", reason: "must be 1 to \(Self.maxReasonBytes) bytes")
        }
        return RejectedRecord(
            time: received, source: name, reason: content.reason, line: content.line, bytes: content.bytes)
    }
}
