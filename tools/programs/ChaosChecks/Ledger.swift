/// What the clients sent and what they were promised, in the order in which a session's events must stand on the log.
///
/// A session belongs to one client, which sends its next post only when the last is acknowledged: so the posts of a
/// session are ordered. Within a post the order is promised only where its first attempt was acknowledged.
public struct Ledger: Sendable, Codable {
    public struct Post: Sendable, Codable, Equatable {
        public var session: String
        public var ids: [String]
        public var attempts: Int

        public init(session: String, ids: [String], attempts: Int) {
            self.session = session
            self.ids = ids
            self.attempts = attempts
        }
    }

    /// Acknowledged posts by session, in the order of their acknowledgements.
    public private(set) var posts: [String: [Post]] = [:]
    public private(set) var acknowledged = 0
    public private(set) var acknowledgedBySpool = 0
    public private(set) var retried = 0
    /// Sent, but the run ended before an answer came: may or may not be stored.
    public private(set) var unknown: Set<String> = []

    public init() {}

    public mutating func acknowledge(_ post: Post, bySpool: Int) {
        posts[post.session, default: []].append(post)
        acknowledged += post.ids.count
        acknowledgedBySpool += bySpool
        if post.attempts > 1 { retried += 1 }
    }

    public mutating func giveUp(_ post: Post) { unknown.formUnion(post.ids) }

    /// How many acknowledged ids are not on the log.
    ///
    /// - Parameter firsts: as for `violations`.
    public func missing(firsts: [String: [String: Int64]]) -> Int {
        posts.reduce(0) { sum, session in
            let stored = firsts[session.key] ?? [:]
            return sum + session.value.reduce(0) { $0 + $1.ids.count { stored[$0] == nil } }
        }
    }

    /// Ids on the log that nobody sent.
    ///
    /// - Parameter firsts: as for `violations`.
    public func strangers(firsts: [String: [String: Int64]]) -> [String] {
        firsts.flatMap { session, stored in
            let sent = Set((posts[session] ?? []).flatMap(\.ids))
            return stored.keys.filter { !sent.contains($0) && !unknown.contains($0) }
                .map { "\($0) of session \(session) is stored, but nobody sent it" }
        }.sorted()
    }

    /// Acknowledged ids that are not on the log, and sessions whose order on the log is another than that of their
    /// posts.
    ///
    /// - Parameters:
    ///   - firsts: by session, the offset at which each id stands first.
    ///   - complete: whether everything should be stored by now: what is missing is then lost.
    public func violations(firsts: [String: [String: Int64]], complete: Bool = true) -> [String] {
        var violations: [String] = []
        for (session, posts) in posts.sorted(by: { $0.key < $1.key }) {
            let stored = firsts[session] ?? [:]
            var last: (offset: Int64, id: String)?
            for post in posts {
                var previous = last
                for id in post.ids {
                    guard let offset = stored[id] else {
                        if complete {
                            violations.append("lost: \(id) of session \(session) was acknowledged and is not stored")
                        }
                        continue
                    }
                    let before = post.attempts == 1 ? previous : last
                    if let before, before.offset >= offset {
                        violations.append(
                            "order: session \(session) has \(id) at offset \(offset), but \(before.id), sent before it, "
                                + "at \(before.offset)")
                    }
                    if previous == nil || previous?.offset ?? 0 < offset { previous = (offset, id) }
                }
                last = previous
            }
        }
        return violations
    }
}
