import Events
import Testing

/// The pixel's query string.
struct PixelTests {
    @Test func ourFieldsAreRead() throws {
        let query =
            "id=e1&session=S&visitor=V&type=purchase&sku=A+1&url=https://shop.example/a?b=c&timestamp=1569999999000"
        let items = decode(query: query + "&query=r%C3%A9d&price=12.50&quantity=3&order=O%261&unknown=%ZZ&%ZZ=1&&flag")
        #expect(
            try items.event()
                == Event(
                    id: "e1", session: "S", visitor: "V", kind: .purchase, timestamp: 1_569_999_999_000, sku: "A 1",
                    url: "https://shop.example/a?b=c", query: "réd", price: 12.5, quantity: 3, order: "O&1"))
    }

    @Test func originalBytesAreKept() throws {
        let query = "type=add&session=%53"
        #expect(decode(query: query).map { String(decoding: $0.bytes, as: UTF8.self) } == [query])
    }

    @Test(arguments: [
        ("", "type: missing"), ("session=S", "type: missing"),
        ("type=add", "session: missing, and `visitor` too; one of them is needed"),
        ("type=add&session=%", "session: `%` must be followed by two hexadecimal digits"),
        ("type=add&session=%4", "session: `%` must be followed by two hexadecimal digits"),
        ("type=add&session=%4G", "session: `%` must be followed by two hexadecimal digits"),
        ("type=add&session=%E9", "session: not valid UTF-8"),
        ("type=add&session=%ED%A0%80", "session: not valid UTF-8"),
        ("type=add&session=S&session=S", "session: stands there more than once"),
        ("type=%00&session=S", "type: must not hold control characters"),
    ])
    func aBrokenQueryIsRejectedWithItsField(query: String, error: String) {
        let items = decode(query: query)
        #expect(items.errors.map(\.description) == [error])
        #expect(items.map(\.id) == [nil])
    }

    @Test func aRejectedPixelKeepsItsID() {
        #expect(decode(query: "type=jump&session=S&id=I").map(\.id) == ["I"])
    }

    @Test func namesMayBeEscaped() throws {
        #expect(try decode(query: "%74ype=add&s%65ssion=S").event().session == "S")
    }
}
