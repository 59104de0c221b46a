import Collector
import HTTPTypes
import Testing

/// Machines are flagged, wishes are kept, and no address is stored.
@Suite struct ScreeningTests {
    private static func header(_ name: String) throws -> HTTPField.Name { try #require(HTTPField.Name(name)) }

    @Test(arguments: [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", true),
        ("Mozilla/5.0 (compatible; AhrefsBot/7.0)", true), ("Mozilla/5.0 HeadlessChrome/120.0", true),
        ("facebookexternalhit/1.1", true), ("Pingdom.com_bot_version_1.4", true),
        ("Mozilla/5.0 (Linux; Android 12; CUBOT X50) AppleWebKit/537.36 Chrome/120.0 Mobile", false),
        ("Mozilla/5.0 (Linux; CUBOT X50; Googlebot)", true),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0", false),
        ("curl/8.5.0", false), ("python-requests/2.31", false), ("", false),
    ])
    func aMachineIsFlaggedAndStored(agent: String, isBot: Bool) async throws {
        try await Shop.open { shop async throws in
            let reply = try await shop.post(
                #"{"id":"a","session":"s","type":"add","timestamp":1749999999000}"#, headers: [.userAgent: agent])
            #expect(try Tally(reply).stored == 1)
            let flag = isBot ? #","bot":true"# : ""
            #expect(
                try await shop.records() == [
                    #"{"id":"a","session":"s","type":"add","timestamp":1749999999000,"received":1750000000000\#(flag)}"#
                ])
        }
    }

    @Test func aSenderMaySayItself() async throws {
        try await Shop.open { shop async throws in
            _ = try await shop.post(#"{"id":"a","session":"s","type":"add","bot":true}"#)
            _ = try await shop.post(#"{"id":"b","session":"s","type":"add","bot":false}"#)
            _ = try await shop.get("/collect?id=c&session=s&type=add&bot=1")
            let wrong = try Tally(try await shop.post(#"{"id":"d","session":"s","type":"add","bot":"yes"}"#))
            #expect(wrong.events.map(\.reason) == ["bot: must be true or false"])
            #expect(try await shop.records().map { $0.contains(#""bot":true"#) } == [true, false, true])
        }
    }

    private static let event = """
        {"id":"a","session":"s","visitor":"who","type":"purchase","order":"o-1","url":"https://shop.example/p?u=me#x"}
        """

    private static func settings(gpc: PrivacyAction = .ignore, dnt: PrivacyAction = .ignore) -> CollectorSettings {
        var settings = CollectorSettings()
        settings.gpc = gpc
        settings.dnt = dnt
        return settings
    }

    @Test(arguments: ["Sec-GPC", "DNT"])
    func aWishThatIsIgnoredChangesNothing(name: String) async throws {
        try await Shop.open { shop async throws in
            let reply = try await shop.post(Self.event, headers: [try Self.header(name): "1"])
            #expect(reply.headers[try Self.header("X-Dinghy-Privacy")] == nil)
            #expect(try await shop.records().first?.contains(#""visitor":"who""#) == true)
        }
    }

    @Test func aStrippedEventHoldsNothingThatOutlivesItsSession() async throws {
        try await Shop.open(Self.settings(gpc: .strip)) { shop async throws in
            let reply = try await shop.post(Self.event, headers: [try Self.header("Sec-GPC"): "1"])
            #expect(try Tally(reply).stored == 1)
            #expect(reply.headers[try Self.header("X-Dinghy-Privacy")] == "stripped (Sec-GPC: 1)")
            let record = try #require(try await shop.records().first)
            for word in ["who", "o-1", "u=me", "#x"] { #expect(!record.contains(word)) }
            #expect(record.contains(#""url":"https://shop.example/p""#))
            // With nothing but a visitor there is no session to store.
            let visitor = try await shop.post(
                #"{"id":"b","visitor":"who","type":"add"}"#, headers: [try Self.header("Sec-GPC"): "1"])
            #expect(
                try Tally(visitor).events.map(\.reason) == [
                    "visitor: not stored: the request says Sec-GPC: 1, and there is no `session`"
                ])
            #expect(try await shop.rejected().allSatisfy { !$0.contains("who") })
        }
    }

    @Test func aDroppedEventIsNowhereAndItsSenderIsTold() async throws {
        try await Shop.open(Self.settings(dnt: .drop)) { shop async throws in
            let dnt = try Self.header("DNT")
            let reply = try await shop.post("[\(Self.event),{\"id\":7}]", headers: [dnt: "1"])
            #expect(
                reply.text == """
                    200 {"durability":"fsync","stored":0,"duplicate":0,"rejected":0,"retry":0,"dropped":2,"events":[\
                    {"index":0,"id":"a","verdict":"dropped","reason":"not stored: the request says DNT: 1"},\
                    {"index":1,"verdict":"dropped","reason":"not stored: the request says DNT: 1"}]}
                    """)
            #expect(reply.headers[try Self.header("X-Dinghy-Privacy")] == "dropped (DNT: 1)")
            #expect(try await shop.post("{", headers: [dnt: "1"]).status == 400)
            let pixel = try await shop.get("/collect?session=s&type=add", headers: [dnt: "1"])
            #expect(
                pixel.headers[try Self.header("X-Dinghy-Verdict")] == "dropped not stored: the request says DNT: 1")
            #expect(try await shop.records() == [])
            #expect(try await shop.rejected() == [])
            // `0` is no wish.
            #expect(try Tally(try await shop.post(Self.event, headers: [dnt: "0"])).stored == 1)
        }
    }
}
