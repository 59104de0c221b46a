import DequeModule
import EventLog

/// The newest score and outcome records by session, bounded by their number: what `/sessions/{key}` answers from.
struct RecentSessions: Sendable {
    private struct Entry {
        var records: [[UInt8]] = []
        var outcome: [UInt8]?
    }

    private let limit: Int
    private var entries: [String: Entry] = [:]
    /// The sessions of a key, oldest first.
    private var sessionsOfKey: [String: [String]] = [:]
    /// One element a record kept, oldest first: which session gives one up next.
    private var order: Deque<(session: String, key: String)> = []

    /// - Parameter limit: records kept over all sessions.
    init(limit: Int) {
        precondition(limit > 0, "RecentSessions.init: no room for a record")
        self.limit = limit
    }

    mutating func add(_ message: FeedMessage) {
        if entries[message.session] == nil {
            sessionsOfKey[message.key, default: []].append(message.session)
        }
        switch message.stream {
        case .scores: entries[message.session, default: Entry()].records.append(message.json)
        case .outcomes: entries[message.session, default: Entry()].outcome = message.json
        }
        order.append((message.session, message.key))
        while order.count > limit { forgetOldest() }
    }

    private mutating func forgetOldest() {
        let (session, key) = order.removeFirst()
        guard var entry = entries[session] else { return }
        if !entry.records.isEmpty { entry.records.removeFirst() } else { entry.outcome = nil }
        if !entry.records.isEmpty || entry.outcome != nil {
            entries[session] = entry
            return
        }
        entries[session] = nil
        sessionsOfKey[key]?.removeAll { $0 == session }
        if sessionsOfKey[key]?.isEmpty == true { sessionsOfKey[key] = nil }
    }

    /// JSON of a key's sessions, newest first, or of one session by its identity; `nil` where none is known.
    func json(of name: String) -> [UInt8]? {
        let identities: [String]
        if entries[name] != nil {
            identities = [name]
        } else {
            identities = ["", "s:", "v:"].lazy.compactMap { sessionsOfKey[$0 + name] }.first ?? []
        }
        guard !identities.isEmpty else { return nil }
        var json = Array("{\"sessions\":[".utf8)
        for (index, identity) in identities.reversed().enumerated() {
            guard let entry = entries[identity] else { continue }
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json += "{\"session\":\"\(identity)\",\"open\":\(entry.outcome == nil),\"scores\":[".utf8
            for (index, record) in entry.records.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                json += record
            }
            json += "],\"outcome\":".utf8
            json += entry.outcome ?? Array("null".utf8)
            json.append(UInt8(ascii: "}"))
        }
        json += "]}".utf8
        return json
    }
}
