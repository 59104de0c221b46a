import Edge
import EventLog
import Events
import Hummingbird

/// Rows of a replay over HTTP, so that `dinghy replay` can run against a server that holds the data directory: ask how
/// far the replay has come, send the rows behind it, end it.
struct ReplayDoor: Sendable {
    let log: any EventLog
    let reader: BodyReader
    let maxRows: Int
    let failures: FailureLog
    let metrics: CollectorMetrics
    let now: @Sendable () -> Int64

    /// How far the replay has come.
    func mark(_ parameter: String) async throws(CollectorError) -> DirectReply {
        let name = try name(parameter)
        return try await mark(of: name)
    }

    func append(
        _ request: Request, _ head: RequestHead, _ parameter: String, _ share: HeldBytes.Share
    ) async throws -> DirectReply {
        let received = now()
        let name = try name(parameter)
        guard let first = head.queryParameter("row").flatMap({ Int64($0) }), first >= 1 else {
            throw CollectorError.unreadable("`row` must be in the query: the number of the first line's row, from 1")
        }
        let body = try await reader.read(request, head, share)
        try share.take(body.count)
        let lines = ReplayLines(name: name, received: received, maxRows: maxRows)
        let rows = try lines.rows(body, first: first)
        let appended = try await attempt { log throws(EventLogError) in try await log.append(rows, ofReplay: name) }
        metrics.rows(stored: appended.stored, duplicate: appended.duplicates, rejected: appended.rejected)
        var object = JSONWriter()
        object.member("stored", appended.stored)
        object.member("rejected", appended.rejected)
        object.member("duplicates", appended.duplicates)
        return .json(object.finish())
    }

    func end(_ parameter: String) async throws(CollectorError) -> DirectReply {
        let name = try name(parameter)
        try await attempt { log throws(EventLogError) in try await log.endReplay(name) }
        return try await mark(of: name)
    }

    private func mark(of name: String) async throws(CollectorError) -> DirectReply {
        let mark = try await attempt { log throws(EventLogError) in try await log.replayMark(name) }
        var object = JSONWriter()
        object.member("name", name)
        object.member("lastRow", mark?.lastRow ?? 0)
        object.member("ended", mark?.ended ?? false)
        return .json(object.finish())
    }

    private func attempt<T: Sendable>(
        _ work: (any EventLog) async throws(EventLogError) -> T
    ) async throws(CollectorError) -> T {
        do throws(EventLogError) {
            return try await work(log)
        } catch {
            throw failures.note(error)
        }
    }

    private func name(_ parameter: String) throws(CollectorError) -> String {
        guard let name = percentDecoded(parameter) else {
            throw .unreadable("the replay's name in the path is not percent-encoded UTF-8")
        }
        guard (1...EventLimits.timelineBytes).contains(name.utf8.count) else {
            throw .unreadable("a replay's name has 1 to \(EventLimits.timelineBytes) bytes")
        }
        guard !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw .unreadable("a replay's name holds no control characters")
        }
        guard name != Timeline.live.name else {
            throw .unreadable("`live` is what happens now; a replay needs a name of its own")
        }
        return name
    }
}
