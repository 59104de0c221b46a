import HTTPTypes
import Hummingbird

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
    func preflight(_ request: Request) throws(CollectorError) -> Response {
        guard allows(request.headers[.origin] ?? "") else {
            throw .deniedOrigin(String((request.headers[.origin] ?? "no origin").prefix(128)))
        }
        return Response(
            status: .noContent,
            headers: [
                .accessControlAllowMethods: "GET, POST, OPTIONS",
                .accessControlAllowHeaders: "Authorization, Content-Encoding, Content-Type, X-Write-Key",
                .accessControlMaxAge: "86400",
            ])
    }

    /// Adds to a reply what lets the page read it.
    func mark(_ response: inout Response, to request: Request) {
        guard !named.isEmpty else { return }
        response.headers[.vary] = "Origin"
        guard let origin = request.headers[.origin], allows(origin) else { return }
        response.headers[.accessControlExposeHeaders] = "Retry-After, X-Dinghy-Verdict"
        if named.contains(origin) {
            response.headers[.accessControlAllowOrigin] = origin
            // A beacon of JSON is sent with credentials, and fails without this although we read none. It must never
            // stand beside `*`.
            response.headers[.accessControlAllowCredentials] = "true"
        } else {
            response.headers[.accessControlAllowOrigin] = "*"
        }
    }

    private func allows(_ origin: String) -> Bool {
        !origin.isEmpty && (takesAll || named.contains(origin))
    }
}
