import Collector
import HTTPTypes
import Testing

/// Which pages may send what needs leave, and read the replies.
@Suite struct OriginTests {
    private static let shopOrigin = "https://shop.example"
    private static let event = #"{"id":"a","session":"s","type":"add"}"#

    private func preflight(_ shop: Shop, _ origin: String?) async throws -> Reply {
        var headers: HTTPFields = [.accessControlRequestMethod: "POST", .accessControlRequestHeaders: "content-type"]
        headers[.origin] = origin
        return try await shop.send(.options, "/collect", headers, body: nil)
    }

    private static let names: [HTTPField.Name] = [
        .accessControlAllowOrigin, .accessControlAllowCredentials, .accessControlAllowMethods,
        .accessControlAllowHeaders, .accessControlExposeHeaders, .accessControlMaxAge, .vary,
    ]

    /// Every header of the Fetch standard's protocol that the reply has.
    private func sharing(_ reply: Reply) -> [String] {
        Self.names.compactMap { name in reply.headers[name].map { "\(name): \($0)" } }
    }

    @Test func aNamedOriginIsLetIn() async throws {
        try await Shop.open(CollectorSettings(origins: ["https://Shop.example/", "http://localhost:3000"])) {
            shop async throws in
            let reply = try await preflight(shop, Self.shopOrigin)
            #expect(reply.text == "204 ")
            #expect(
                sharing(reply) == [
                    "Access-Control-Allow-Origin: https://shop.example",
                    "Access-Control-Allow-Credentials: true",
                    "Access-Control-Allow-Methods: GET, POST, OPTIONS",
                    "Access-Control-Allow-Headers: Authorization, Content-Encoding, Content-Type, X-Write-Key",
                    "Access-Control-Expose-Headers: Retry-After, X-Dinghy-Verdict",
                    "Access-Control-Max-Age: 86400",
                    "Vary: Origin",
                ])
            let expected = [
                "Access-Control-Allow-Origin: https://shop.example",
                "Access-Control-Allow-Credentials: true",
                "Access-Control-Expose-Headers: Retry-After, X-Dinghy-Verdict",
                "Vary: Origin",
            ]
            let origin: HTTPFields = [.origin: Self.shopOrigin]
            #expect(sharing(try await shop.post(Self.event, headers: origin)) == expected)
            #expect(sharing(try await shop.post("nonsense", headers: origin)) == expected)
            #expect(sharing(try await shop.post(Self.event, type: nil, headers: origin)) == expected)
            #expect(sharing(try await shop.get("/collect?type=add&session=s", headers: origin)) == expected)
        }
    }

    @Test(arguments: ["https://evil.example", "https://shop.example.evil", "http://shop.example", "null"])
    func anotherOriginIsDenied(origin: String) async throws {
        try await Shop.open(CollectorSettings(origins: [Self.shopOrigin])) { shop async throws in
            let reply = try await preflight(shop, origin)
            #expect(
                reply.text
                    == #"403 {"error":"pages of \#(origin) may not send this: add it to the collector's origins"}"#)
            #expect(sharing(reply) == ["Vary: Origin"])
            // A page may always send plain text; it only may not read the reply.
            let stored = try await shop.post(Self.event, type: "text/plain", headers: [.origin: origin])
            #expect(stored.status == 200)
            #expect(sharing(stored) == ["Vary: Origin"])
        }
    }

    @Test func aStarLetsAllInWithoutCredentials() async throws {
        try await Shop.open(CollectorSettings(origins: ["*", Self.shopOrigin])) { shop async throws in
            let other = try await shop.post(Self.event, headers: [.origin: "https://other.example"])
            #expect(
                sharing(other) == [
                    "Access-Control-Allow-Origin: *",
                    "Access-Control-Expose-Headers: Retry-After, X-Dinghy-Verdict",
                    "Vary: Origin",
                ])
            let named = try await shop.post(Self.event, headers: [.origin: Self.shopOrigin])
            #expect(named.headers[.accessControlAllowOrigin] == Self.shopOrigin)
            #expect(try await preflight(shop, "https://other.example").status == 204)
        }
    }

    @Test func withoutOriginsNothingIsShared() async throws {
        try await Shop.open { shop async throws in
            #expect(sharing(try await preflight(shop, Self.shopOrigin)) == [])
            #expect(try await preflight(shop, nil).status == 403)
            #expect(sharing(try await shop.post(Self.event, headers: [.origin: Self.shopOrigin])) == [])
        }
    }

    /// A preflight carries no key, by the standard.
    @Test func aPreflightNeedsNoWriteKey() async throws {
        let settings = CollectorSettings(writeKeys: ["0123456789abcdef"], origins: [Self.shopOrigin])
        try await Shop.open(settings) { shop async throws in
            #expect(try await preflight(shop, Self.shopOrigin).status == 204)
            let refused = try await shop.post(Self.event, headers: [.origin: Self.shopOrigin])
            #expect(refused.status == 401)
            #expect(refused.headers[.accessControlAllowOrigin] == Self.shopOrigin)
        }
    }
}
