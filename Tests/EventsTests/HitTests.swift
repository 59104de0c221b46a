import Events
import Testing

/// Measurement Protocol v1, in query strings and in JSON bodies.
struct HitTests {
    @Test func aProductHitIsAnEventAProduct() throws {
        let items = decode(
            query:
                "v=1&t=pageview&pa=purchase&cid=V.1&sid=S1&z=42&ti=O7&tr=30.5&tm=1569999990000&dl=https%3A%2F%2Fshop.example"
                + "%2Fthanks%3Fa%3D1&pr2id=B&pr2pr=5&pr2qt=2&pr1id=A&pr1pr=20.50&pr1nm=Red+shoe&il1pi1id=X&promo1id=P")
        let url = "https://shop.example/thanks?a=1"
        #expect(
            items.events == [
                Event(
                    id: "42/1", session: "S1", visitor: "V.1", kind: .purchase, timestamp: 1_569_999_990_000, sku: "A",
                    url: url, price: 20.5, order: "O7"),
                Event(
                    id: "42/2", session: "S1", visitor: "V.1", kind: .purchase, timestamp: 1_569_999_990_000, sku: "B",
                    url: url, price: 5, quantity: 2, order: "O7"),
            ])
        #expect(items.map(\.index) == [0, 0])
    }

    @Test func aHitInJSONMayUseNumbers() throws {
        let body =
            #"{"t":"event","pa":"add","cid":1234,"z":99,"tm":"1569999990000","pr1id":555,"pr1pr":"9.5","pr1qt":2}"#
        #expect(
            try decode(body).event()
                == Event(
                    id: "99/1", visitor: "1234", kind: .add, timestamp: 1_569_999_990_000, sku: "555", price: 9.5,
                    quantity: 2))
    }

    @Test(arguments: [
        ("t=pageview", "pageview"), ("t=screenview", "pageview"), ("t=pageview&pa=detail", "detail"),
        ("t=event&pa=click", "click"), ("pa=add", "add"), ("pa=remove", "remove"), ("pa=purchase", "purchase"),
        ("pa=checkout", "pageview"), ("pa=checkout_option", "pageview"), ("t=event&ea=search", "search"),
        ("t=event&ea=add", "add"), ("t=pageview&ea=add", "pageview"), ("t=event&pa=&ea=add", "add"),
    ])
    func hitTypesAndActionsAreKinds(query: String, kind: String) throws {
        #expect(try decode(query: query + "&cid=V").event().kind.name == kind)
    }

    @Test(arguments: [
        ("t=timing&cid=V", "t: unknown `timing`; known are pageview, screenview, event"),
        ("pa=refund&cid=V", "pa: unknown `refund`; known are detail, click, add, remove, purchase, checkout"),
        ("t=event&cid=V", "pa: missing, and `ea` too; one of them says what the event is"),
        (
            "t=event&ea=play&cid=V",
            "ea: unknown `play`; known are pageview, detail, add, remove, purchase, search, click"
        ),
        ("t=pageview", "cid: missing, and `sid`, `session` and `visitor` too; one is needed"),
        ("t=pageview&cid=V&cid=W", "cid: stands there more than once"),
        ("pa=add&cid=V&pr1id=A&pr1id=B", "pr1id: stands there more than once"),
        ("pa=add&cid=V&pr0id=A", "pr0id: products are numbered 1 to 200"),
        ("pa=add&cid=V&pr201id=A", "pr201id: products are numbered 1 to 200"),
        ("pa=add&cid=V&pr1pr=5", "pr1id: missing"),
        ("pa=add&cid=V&pr1id=A&pr1pr=-5", "pr1pr: must lie between 0 and 1,000,000,000,000"),
        ("pa=add&cid=V&pr1id=A&pr1qt=0", "pr1qt: must be a whole number between 1 and 1,000,000"),
        ("pa=add&cid=V&pr1id=A&pr1qt=x", "pr1qt: must be a number"),
        ("t=pageview&cid=V&tm=5", "tm: before 1990; milliseconds since 1970 are wanted"),
        ("t=pageview&cid=V&qt=-1", "qt: must lie between 0 and the milliseconds since 1990"),
        ("t=pageview&cid=V&qt=1569999999999", "qt: must lie between 0 and the milliseconds since 1990"),
        ("t=pageview&cid=V&qt=1e30", "qt: must lie between 0 and the milliseconds since 1990"),
        ("t=pageview&cid=%ZZ", "cid: `%` must be followed by two hexadecimal digits"),
        ("t=pageview&cid=%FF", "cid: not valid UTF-8"),
    ])
    func aHitThatIsNoEventSaysWhy(query: String, error: String) {
        #expect(decode(query: query).errors.map(\.description) == [error])
    }

    @Test func queueTimeLiesBeforeTheReceipt() throws {
        #expect(try decode(query: "t=pageview&cid=V&qt=2500").event().timestamp == receipt - 2_500)
        #expect(try decode(query: "t=pageview&cid=V&qt=0.5").event().timestamp == receipt)
        #expect(try decode(query: "t=pageview&cid=V&qt=9&tm=1569999990000").event().timestamp == 1_569_999_990_000)
    }

    @Test func addressesAreJoined() throws {
        #expect(try decode(query: "t=pageview&cid=V&dh=shop.example&dp=/a").event().url == "//shop.example/a")
        #expect(try decode(query: "t=pageview&cid=V&dh=shop.example&dp=a").event().url == "//shop.example/a")
        #expect(try decode(query: "t=pageview&cid=V&dh=shop.example").event().url == "//shop.example")
        #expect(try decode(query: "t=pageview&cid=V&dp=/a").event().url == "/a")
        let path = String(repeating: "p", count: EventLimits.urlBytes)
        #expect(
            decode(query: "t=pageview&cid=V&dh=h&dp=\(path)").errors.map(\.description) == [
                "dp: more than the 2048 bytes allowed, with `dh`"
            ])
    }

    @Test func ourOwnFieldsWin() throws {
        let items = decode(query: "pa=add&cid=C&sid=D&visitor=V&session=S&id=I&z=Z&sku=K&pr1id=A&pr2id=B&url=/u&dl=/d")
        #expect(
            try items.event()
                == Event(
                    id: "I", session: "S", visitor: "V", kind: .add, timestamp: receipt, sku: "K", url: "/u"))
    }

    /// A `type` makes it an event in our spelling, which needs our `session` or `visitor`.
    @Test func aTypeMakesItNoHit() throws {
        #expect(try decode(query: "type=remove&t=event&ea=add&session=S&z=1").event().kind == .remove)
        #expect(decode(query: "type=remove&t=event&ea=add&cid=V").errors.map(\.field) == ["session"])
    }

    @Test func productsOfAPageViewSayNothing() throws {
        #expect(try decode(query: "t=pageview&cid=V&z=1&pr1id=A&pr2id=B").event().id == "1")
        #expect(try decode(query: "pa=checkout&cid=V&z=1&pr1id=A&pr2id=B").event().sku == nil)
    }

    @Test func revenueIsThePriceOfAPurchaseWithoutProducts() throws {
        let event = try decode(query: "pa=purchase&cid=V&ti=O&tr=99.5").event()
        #expect(event.price == 99.5)
        #expect(event.order == "O")
    }

    @Test func aSearchTakesItsLabel() throws {
        #expect(try decode(query: "t=event&ea=search&el=red+shoe&cid=V").event().query == "red shoe")
        #expect(try decode(query: "t=event&ea=add&el=red&cid=V").event().query == nil)
    }

    @Test func anIDThatIsTooLongWithItsProductNumberIsRejectedAProduct() throws {
        let id = String(repeating: "z", count: EventLimits.idBytes - 2)
        let items = decode(query: "pa=add&cid=V&z=\(id)&pr1id=A&pr10id=B")
        #expect(items.events.map(\.id) == [id + "/1"])
        #expect(items.errors.map(\.description) == ["z: more than the 256 bytes allowed, with its `/N`"])
    }

    @Test func aHitWithoutIDGetsOneForAllItsProducts() throws {
        #expect(decode(query: "pa=add&cid=V&pr1id=A&pr2id=B").map(\.id) == ["made-1/1", "made-1/2"])
    }

    @Test func aRejectedHitKeepsTheIDThatCanBeRead() throws {
        #expect(decode(query: "pa=refund&cid=V&z=77").map(\.id) == ["77"])
        #expect(try decode(#"{"pa":"refund","z":77}"#).map(\.id) == ["77"])
        #expect(try decode(#"{"type":"jump","id":"I"}"#).map(\.id) == ["I"])
        #expect(try decode(#"{"type":"jump","id":7}"#).map(\.id) == [nil])
    }
}
