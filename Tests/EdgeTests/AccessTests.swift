import Edge
import Testing

/// Who may see what, over real sockets.
@Suite(.timeLimit(.minutes(1))) struct AccessTests {
    private static let token = "a-token-of-many-letters"

    private static func get(_ path: String, _ headers: [String] = [], host: String = "localhost") -> String {
        "GET \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n" + headers.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    private static func status(_ reply: String) -> String { String(reply.dropFirst(9).prefix(3)) }

    @Test(arguments: [
        ("/", []), ("/scores", []), ("/metrics", []), ("/never", []),
        ("/scores", ["Authorization: Bearer a-token-of-many-letter"]),
        ("/scores", ["Authorization: Basic a-token-of-many-letters"]),
        ("/scores", ["Cookie: dinghy_token=a-token-of-many-lettersx"]),
        ("/scores", ["Cookie: other=a-token-of-many-letters"]),
        ("/scores?token=a-token-of-many-letters", []), ("/?token=", []), ("/?token=x", []),
        ("/collect/", []), ("//scores", []),
    ])
    func withoutTheTokenNothingIsShown(path: String, headers: [String]) async throws {
        try await GuardedServer.run(access: AccessPolicy(token: Secret(Self.token))) { server async throws in
            let reply = try await server.exchange(Self.get(path, headers))
            #expect(["401", "404"].contains(Self.status(reply)), "\(reply)")
            #expect(!reply.hasSuffix("here"))
            #expect(!reply.contains(Self.token))
        }
    }

    @Test(arguments: ["/collect", "/health/live", "/health/ready"])
    func whatEverybodyNeedsIsOpen(path: String) async throws {
        try await GuardedServer.run(access: AccessPolicy(token: Secret(Self.token))) { server async throws in
            #expect(try await server.exchange(Self.get(path)).hasSuffix("here"))
        }
    }

    @Test func theTokenOpens() async throws {
        try await GuardedServer.run(access: AccessPolicy(token: Secret(Self.token))) { server async throws in
            for headers in [["Authorization: Bearer \(Self.token)"], ["Cookie: a=b; dinghy_token=\(Self.token)"]] {
                #expect(try await server.exchange(Self.get("/scores", headers)).hasSuffix("here"))
            }
        }
    }

    @Test func metricsMayBeOpen() async throws {
        let policy = AccessPolicy(token: Secret(Self.token), opensMetrics: true)
        try await GuardedServer.run(access: policy) { server async throws in
            #expect(try await server.exchange(Self.get("/metrics")).hasSuffix("here"))
            #expect(Self.status(try await server.exchange(Self.get("/scores"))) == "401")
        }
    }

    /// Once in the address bar, then a cookie that scripts and other sites have no use of.
    @Test func aBrowserTradesTheTokenForACookie() async throws {
        try await GuardedServer.run(access: AccessPolicy(token: Secret(Self.token))) { server async throws in
            let reply = try await server.exchange(Self.get("/?token=\(Self.token)"))
            #expect(Self.status(reply) == "303")
            let lower = reply.lowercased()
            #expect(lower.contains("location: /\r\n"))
            #expect(lower.contains("set-cookie: dinghy_token=\(Self.token); path=/; httponly; samesite=strict\r\n"))
            #expect(lower.contains("cache-control: no-store\r\n"))
        }
    }

    @Test(arguments: [
        ("localhost", true), ("LOCALHOST:8080", true), ("127.0.0.1:8080", true), ("127.1.2.3", true),
        ("[::1]:80", true),
        ("shop.example", true), ("evil.example", false), ("127.0.0.1.evil.example", false), ("127.evil.example", false),
        ("localhost.evil.example", false),
    ])
    func aPageCannotPointItsOwnNameAtThisMachine(host: String, isTaken: Bool) async throws {
        try await GuardedServer.run(access: AccessPolicy(hosts: ["shop.example"])) { server async throws in
            let reply = try await server.exchange(Self.get("/scores", host: host))
            #expect(Self.status(reply) == (isTaken ? "200" : "403"), "\(reply)")
            #expect(Self.status(try await server.exchange(Self.get("/collect", host: host))) == "200")
        }
    }
}

extension GuardedServer {
    fileprivate static func run(
        access: AccessPolicy, _ body: @Sendable (GuardedServer) async throws -> Void
    ) async throws {
        try await run(EdgeLimits(), access, body)
    }
}
