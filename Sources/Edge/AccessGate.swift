import HTTPTypes
public import Hummingbird
import NIOCore

/// Who may see the shop's live data: everything but the doors for events and the health checks.
public struct AccessPolicy: Sendable {
    enum Refusal: String, CaseIterable { case token, host }

    /// Asked for as `Authorization: Bearer TOKEN`, or, of a browser, as the cookie that `/?token=TOKEN` gives once.
    public var token: Secret?
    /// `/metrics` needs no token.
    public var opensMetrics: Bool
    /// Names by which this server may be called where it asks for no token, beside those of this machine: a page that
    /// points its own name at this machine could read everything otherwise. `nil`: any name.
    public var hosts: [String]?

    public init(token: Secret? = nil, opensMetrics: Bool = false, hosts: [String]? = nil) {
        self.token = token
        self.opensMetrics = opensMetrics
        self.hosts = hosts?.map { $0.lowercased() }
    }

    func isOpen(_ path: String) -> Bool {
        switch path {
        case "/collect", "/health/live", "/health/ready": true
        case "/metrics": opensMetrics
        default: false
        }
    }

    func takes(host authority: String?) -> Bool {
        guard let hosts else { return true }
        guard let authority else { return false }
        let host = Self.withoutPort(authority.lowercased())
        return host == "localhost" || host == "[::1]" || Self.isLoopback(host) || hosts.contains(host)
    }

    private static func withoutPort(_ authority: String) -> String {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") { return String(authority[...end]) }
        return String(authority.prefix { $0 != ":" })
    }

    /// Four numbers, the first 127: `127.evil.example` is a name.
    private static func isLoopback(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

/// Lets nobody past without the token, where there is one. Closed but for the paths that are named: a route that is
/// added later is behind it.
public struct AccessGate<Context: RequestContext>: RouterMiddleware {
    private let policy: AccessPolicy
    private let metrics = EdgeMetrics()

    /// The cookie that a page's own requests carry, streams included.
    private static var cookie: String { "dinghy_token" }

    public init(_ policy: AccessPolicy) { self.policy = policy }

    public func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        if policy.isOpen(request.uri.path) { return try await next(request, context) }
        guard let token = policy.token else {
            if policy.takes(host: request.head.authority) { return try await next(request, context) }
            metrics.refuse(AccessPolicy.Refusal.host.rawValue)
            return Self.text(
                .forbidden,
                "this server is called by a name that it does not know: add it to http.allowed-hosts, or set http.token\n"
            )
        }
        if request.uri.path == "/", let given = request.uri.queryParameters["token"], token.matches(given.utf8) {
            return Self.signedIn(String(given), request)
        }
        if Self.shows(token, request) { return try await next(request, context) }
        metrics.refuse(AccessPolicy.Refusal.token.rawValue)
        return Self.text(
            .unauthorized,
            "a token is needed: in `Authorization: Bearer TOKEN`, or open /?token=TOKEN once in a browser\n",
            [.wwwAuthenticate: "Bearer"])
    }

    private static func shows(_ token: Secret, _ request: Request) -> Bool {
        var found = false
        if let bearer = request.headers[.authorization], bearer.lowercased().hasPrefix("bearer ") {
            found = token.matches(bearer.utf8.dropFirst("bearer ".utf8.count))
        }
        for line in request.headers[values: .cookie] {
            for pair in line.split(separator: ";") {
                let pair = pair.drop { $0 == " " }
                guard pair.hasPrefix(cookie + "=") else { continue }
                if token.matches(pair.utf8.dropFirst(cookie.utf8.count + 1)) { found = true }
            }
        }
        return found
    }

    /// The token goes from the address bar into a cookie that no script can read and no other site can use.
    private static func signedIn(_ token: String, _ request: Request) -> Response {
        let isSecure = HTTPField.Name("X-Forwarded-Proto").flatMap { request.headers[$0] } == "https"
        return Response(
            status: .seeOther,
            headers: [
                .location: "/", .cacheControl: "no-store",
                .setCookie: "\(cookie)=\(token); Path=/; HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : ""),
            ])
    }

    private static func text(_ status: HTTPResponse.Status, _ text: String, _ headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "text/plain; charset=utf-8"
        headers[.cacheControl] = "no-store"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
