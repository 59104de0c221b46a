import Edge

/// Cross-origin sharing (the Fetch standard's CORS): which pages may send what needs a preflight, and read the replies.
///
/// It keeps nobody out who does not use a browser, nor a page that sends `text/plain` and does not read the reply: that
/// is what write keys are for.
struct Origins: Sendable {
    private let named: Set<String>
    private let takesAll: Bool

    init(_ origins: [String]) {
        named = Set(origins.map { Self.normalised($0) })
        takesAll = named.contains("*")
    }

    /// Browsers send an origin in lower case, without a slash behind it; people write it either way.
    private static func normalised(_ origin: String) -> String {
        let origin = origin.lowercased()
        return origin.hasSuffix("/") ? String(origin.dropLast()) : origin
    }

    /// The answer to a preflight.
    func preflight(_ head: RequestHead) throws(CollectorError) -> DirectReply {
        let origin = head.value("origin")
        guard allows(origin ?? "") else { throw .deniedOrigin(String((origin ?? "no origin").prefix(128))) }
        return DirectReply(
            status: 204,
            headers: [
                .init("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
                .init("Access-Control-Allow-Headers", "Authorization, Content-Encoding, Content-Type, X-Write-Key"),
                .init("Access-Control-Max-Age", "86400"),
            ])
    }

    /// Adds to a reply what lets the page read it.
    func mark(_ reply: inout DirectReply, to head: RequestHead) {
        guard !named.isEmpty else { return }
        reply.headers.append(.init("Vary", "Origin"))
        guard let origin = head.value("origin"), allows(origin) else { return }
        reply.headers.append(.init("Access-Control-Expose-Headers", "Retry-After, X-Dinghy-Verdict"))
        if named.contains(origin) {
            reply.headers.append(.init("Access-Control-Allow-Origin", origin))
            // A beacon of JSON is sent with credentials, and fails without this although we read none. It must never
            // stand beside `*`.
            reply.headers.append(.init("Access-Control-Allow-Credentials", "true"))
        } else {
            reply.headers.append(.init("Access-Control-Allow-Origin", "*"))
        }
    }

    private func allows(_ origin: String) -> Bool {
        !origin.isEmpty && (takesAll || named.contains(origin))
    }
}
