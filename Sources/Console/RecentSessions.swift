import DequeModule
import EventLog
import Scoring

/// The newest score and outcome records by session, bounded by their number: what `/sessions/{key}` answers from.
struct RecentSessions: Sendable {
    private struct Entry {
        var key: String
        var scores: Deque<[UInt8]> = []
        var outcome: [UInt8]?

        mutating func add(_ message: FeedMessage) {
            switch message.stream {
            case .scores: scores.append(message.json)
            case .outcomes: outcome = message.json
            }
        }

        /// Gives one record up. Returns whether none is left.
        mutating func forgetOldest() -> Bool {
            if scores.popFirst() == nil { outcome = nil }
            return scores.isEmpty && outcome == nil
        }
    }

    private let limit: Int
    private var entries: [SessionIdentity: Entry] = [:]
    /// The sessions of a key, oldest first.
    private var sessionsOfKey: [String: [SessionIdentity]] = [:]
    /// One element a record kept, oldest first: which session gives one up next.
    private var order: Deque<SessionIdentity> = []

    /// - Parameter limit: records kept over all sessions.
    init(limit: Int) {
        precondition(limit > 0, "RecentSessions.init: no room for a record")
        self.limit = limit
    }

    mutating func add(_ message: FeedMessage) {
        if order.count == limit { forgetOldest() }
        order.append(message.session)
        if entries[message.session]?.add(message) == nil {
            var entry = Entry(key: message.key)
            entry.add(message)
            entries[message.session] = entry
            sessionsOfKey[message.key, default: []].append(message.session)
        }
    }

    private mutating func forgetOldest() {
        let session = order.removeFirst()
        guard entries[session]?.forgetOldest() == true, let key = entries.removeValue(forKey: session)?.key else {
            return
        }
        sessionsOfKey[key]?.removeAll { $0 == session }
        if sessionsOfKey[key]?.isEmpty == true { sessionsOfKey[key] = nil }
    }

    /// The sessions that a name stands for, newest first: a session's identity, a key, or a session or visitor id as
    /// sent.
    func sessions(named name: String) -> [SessionIdentity] {
        if let identity = SessionIdentity(name), entries[identity] != nil { return [identity] }
        return ["", "s:", "v:"].lazy.compactMap { sessionsOfKey[$0 + name] }.first?.reversed() ?? []
    }

    /// The sessions with the newest records, newest first.
    func newest(_ count: Int) -> [SessionIdentity] {
        var seen: Set<SessionIdentity> = []
        var newest: [SessionIdentity] = []
        for session in order.reversed() where newest.count < count && seen.insert(session).inserted {
            newest.append(session)
        }
        return newest
    }

    /// A JSON array of sessions with their records.
    ///
    /// - Parameter limit: score records in all; of a session that is cut, the newest.
    func json(of sessions: [SessionIdentity], limit: Int) -> [UInt8] {
        var left = limit
        var json: [UInt8] = [UInt8(ascii: "[")]
        for (index, session) in sessions.enumerated() {
            guard let entry = entries[session] else {
                preconditionFailure("RecentSessions.json: session \(session) is not kept")
            }
            if index > 0 { json.append(UInt8(ascii: ",")) }
            let shown = min(left, entry.scores.count)
            left -= shown
            json += "{\"session\":\"\(session)\",\"open\":\(entry.outcome == nil),".utf8
            json += "\"omitted\":\(entry.scores.count - shown),\"scores\":[".utf8
            for (index, record) in entry.scores.suffix(shown).enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                json += record
            }
            json += "],\"outcome\":".utf8
            json += entry.outcome ?? Array("null".utf8)
            json.append(UInt8(ascii: "}"))
        }
        json.append(UInt8(ascii: "]"))
        return json
    }
}
