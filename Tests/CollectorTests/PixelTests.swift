import Collector
import EventLog
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing

/// The pixel is an image whatever happens; its verdict stands in a header.
@Suite struct PixelTests {
    private static let gif: [UInt8] =
        Array("GIF89a".utf8) + [
            1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255, 0x21, 0xF9, 4, 1, 0, 0, 0, 0, 0x2C, 0, 0, 0, 0, 1, 0, 1, 0,
            0, 2,
            2, 0x44, 1, 0, 0x3B,
        ]

    /// Status and verdict; whatever else the pixel promises is checked here.
    private func pixel(_ shop: Shop, _ query: String, headers: HTTPFields = [:]) async throws -> String {
        let verdict = try #require(HTTPField.Name("X-Dinghy-Verdict"))
        return try await shop.client.execute(uri: "/collect\(query)", method: .get, headers: headers) { response in
            #expect(Array(response.body.readableBytesView) == Self.gif)
            #expect(response.headers[.contentType] == "image/gif")
            #expect(response.headers[.cacheControl] == "no-store")
            return "\(response.status.code) \(response.headers[verdict] ?? "")"
        }
    }

    @Test func anEventIsStored() async throws {
        try await Shop.open { shop async throws in
            let query =
                "?id=a&session=s%201&type=detail&sku=p%2B1&url=https%3A%2F%2Fshop.example%2F&timestamp=1749999999000"
            #expect(try await pixel(shop, query) == "200 stored fsync")
            #expect(try await pixel(shop, query) == "200 duplicate")
            #expect(
                try await shop.records() == [
                    #"{"id":"a","session":"s 1","type":"detail","sku":"p+1","url":"https://shop.example/","#
                        + #""timestamp":1749999999000,"received":1750000000000}"#
                ])
        }
    }

    @Test func aHitOfThreeProductsIsThreeEvents() async throws {
        try await Shop.open { shop async throws in
            let hit = "?v=1&t=event&pa=add&cid=35009a79&z=918&pr1id=p1&pr2id=p2&pr2pr=19.90&pr3id=p3"
            #expect(try await pixel(shop, hit) == "200 3 stored fsync")
            #expect(try await pixel(shop, hit + "&pr4pr=1") == "200 3 duplicate, 1 rejected pr4id: missing")
            #expect(
                try await shop.records()
                    == ["918/1", "918/2", "918/3"].enumerated().map { number, id in
                        #"{"id":"\#(id)","visitor":"35009a79","type":"add","sku":"p\#(number + 1)","#
                            + #""timestamp":1750000000000,"received":1750000000000"#
                            + (number == 1 ? #","price":19.9}"# : "}")
                    })
        }
    }

    @Test(arguments: [
        ("", "200 rejected type: missing"),
        ("?", "200 rejected type: missing"),
        ("?type=add", "200 rejected session: missing, and `visitor` too; one of them is needed"),
        ("?type=add&session=s&sku=%C3%28", "200 rejected sku: not valid UTF-8"),
        ("?type=add&session=s&sku=%G0", "200 rejected sku: `%` must be followed by two hexadecimal digits"),
        (
            "?type=%C3%A4%C3%B6&session=s",
            "200 rejected type: unknown `??`; known are pageview, detail, add, remove, purchase, search, click"
        ),
    ])
    func whatIsNoEventIsRejected(query: String, expected: String) async throws {
        try await Shop.open { shop async throws in
            #expect(try await pixel(shop, query) == expected)
            #expect(try await shop.records() == [])
            #expect(try await shop.rejected().count == 1)
        }
    }

    @Test func aWriteKeyStaysOutOfTheLog() async throws {
        try await Shop.open(CollectorSettings(writeKeys: ["0123456789abcdef"])) { shop async throws in
            #expect(
                try await pixel(shop, "?type=add&session=s") == """
                    401 refused a write key is needed: in `Authorization: Bearer KEY`, in `X-Write-Key`, or as `key=` in \
                    the query
                    """)
            #expect(try await pixel(shop, "?type=add&session=s&key=0123456789abcdef") == "200 stored fsync")
            #expect(try await pixel(shop, "?key=0123456789abcdef&type=bad&session=s").hasPrefix("200 rejected type"))
            #expect(try await shop.rejected().map { $0.hasSuffix(" | type=bad&session=s") } == [true])
        }
    }

    @Test func aFullLogIsSaid() async throws {
        let log = ScriptedLog(appends: [.failure(.overloaded(retryAfter_s: 3))], rejections: [.closed])
        try await Shop.open(over: log) { shop async throws in
            #expect(
                try await pixel(shop, "?type=add&session=s") == "503 retry more is coming in than the log can write")
            #expect(
                try await pixel(shop, "?type=bad&session=s").hasSuffix(
                    "it could not be kept: this server is stopping"))
            #expect(try await pixel(shop, "?type=add&session=s") == "200 stored broker")
        }
    }

    @Test func aQueryOverTheLimitIsRefused() async throws {
        try await Shop.open(CollectorSettings(maxBodyBytes: 100)) { shop async throws in
            #expect(
                try await pixel(shop, "?type=add&session=" + String(repeating: "s", count: 100))
                    == "413 refused a query of more than the 100 bytes allowed")
        }
    }
}
