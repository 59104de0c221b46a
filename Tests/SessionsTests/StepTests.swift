import Events
import Sessions
import Testing

/// What is kept of an event, and what training may see of it.
struct StepTests {
    @Test func aStepHoldsTheFactsOfItsEvent() {
        var fold = SessionFold()
        fold.fold([
            live(0, "S", at: base, .detail, sku: "A", url: "https://shop.example/a?from=mail"),
            live(1, "S", at: base + 1_500, .add, sku: "A", url: "/a#reviews", quantity: 3),
            live(2, "S", at: base + 1_000, .remove, sku: "B"),
            live(3, "S", at: base + 61_000, .remove, url: "/b", quantity: 9),
        ])
        let (a, b) = (StableHash.of("A"), StableHash.of("B"))
        let (pageA, pageB) = (StableHash.of("/a"), StableHash.of("/b"))
        // Wednesday 07:06.
        let minute: UInt16 = 2 * 24 * 60 + 7 * 60 + 6
        #expect(
            fold[0].steps == [
                Step(kind: .detail, sku: a, page: pageA, minuteOfWeek: minute),
                Step(
                    kind: .add, sku: a, page: pageA, gap_ms: 1_500, elapsed_ms: 1_500, cart: 3, minuteOfWeek: minute,
                    skuSeen: 1, pageSeen: 1),
                Step(kind: .remove, sku: b, elapsed_ms: 1_000, cart: 2, minuteOfWeek: minute),
                Step(kind: .remove, page: pageB, gap_ms: 60_000, elapsed_ms: 61_000, minuteOfWeek: minute + 1),
            ])
        #expect(fold[0].outOfOrder == 1)
        #expect(fold[0].adds == 1)
        #expect(MemoryLayout<Step>.stride == 40)
    }

    @Test func factsStopAtTheirBounds() {
        var fold = SessionFold()
        for offset in 0..<300 as Range<Int64> {
            fold.fold(live(offset, "S", at: base, .add, sku: "A", url: "/a", quantity: 1_000))
        }
        fold.fold(live(300, "S", at: base, own: base + 100 * 86_400_000))
        let last = fold[0].steps[299]
        #expect(last.skuSeen == 255)
        #expect(last.pageSeen == 255)
        #expect(last.cart == .max)
        #expect(fold[0].cart == 300_000)
        #expect(fold[0].steps[300].gap_ms == .max)
        #expect(fold[0].steps[300].elapsed_ms == .max)
    }

    @Test func theFirstPurchaseEndsTheSteps() {
        var fold = SessionFold()
        let happenings = fold.fold([
            live(0, "S", at: base), live(1, "S", at: base + 500, .purchase), live(2, "S", at: base + 900),
            live(3, "S", at: base + 950, .purchase), live(4, "S", at: base + 960, .add),
        ])
        #expect(happenings.map(\.outcome) == ["step of 0"] + Array(repeating: "after purchase of 0", count: 4))
        #expect(fold[0].steps.count == 1)
        #expect(fold[0].purchase == Purchase(offset: 1, timestamp: base + 500, elapsed_ms: 500))
        #expect(fold[0].purchased)
        #expect(fold[0].adds == 1)
        #expect(fold.counters.scored == 1)
        #expect(fold.counters.afterPurchase == 4)
    }

    /// A thank-you page that the log holds before the purchase shares its time: who sees it knows.
    @Test func trainingSeesNothingOfThePurchasesTime() {
        var fold = SessionFold()
        fold.fold([
            live(0, "S", at: base), live(1, "S", at: base + 400), live(2, "S", at: base + 500),
            live(3, "S", at: base + 501, own: base + 450), live(4, "S", at: base + 502, .purchase, own: base + 500),
        ])
        #expect(fold[0].steps.map(\.elapsed_ms) == [0, 400, 500, 450])
        #expect(fold[0].maskedSteps.map(\.elapsed_ms) == [0, 400])
        fold.fold(live(5, "T", at: base + 600))
        #expect(fold[1].maskedSteps.count == 1)
        fold.fold(live(6, "T", at: base + 600, .purchase))
        #expect(fold[1].maskedSteps.isEmpty)
    }

    @Test(arguments: [
        ("https://shop.example/a/b?c=d#e", "/a/b"), ("https://shop.example", "/"), ("https://shop.example?x", "/"),
        ("https://shop.example/", "/"), ("/a/b?c", "/a/b"), ("/search?back=http://x/y", "/search"),
        ("/go/http://x/y", "/go/http://x/y"), ("//shop.example/a", "/a"), ("//shop.example", "/"), ("", "/"),
        ("?x", "/"),
        ("#top", "/"), ("cd5a9c6b", "cd5a9c6b"), ("a:b", "a:b"), ("app://home", "/"), ("app://home/é?", "/é"),
        ("a/b//c", "a/b//c"), (":", ":"), ("://", "/"), ("/", "/"),
    ])
    func aPageIsThePathOfItsURL(url: String, page: String) {
        #expect(Page.of(url: url) == page)
        var fold = SessionFold()
        fold.fold(live(0, "S", at: base, url: url))
        #expect(fold[0].steps[0].page == StableHash.of(page))
    }

    @Test(arguments: [
        ("https://shop.example/product/17?c=d/e", "/product/"), ("/product/17/", "/product/"), ("/a/b/c", "/a/b/"),
        ("/product", nil), ("/product/", nil), ("/", nil), ("https://shop.example", nil), ("cd5a9c6b", nil),
        ("a/b", "a/"), ("//shop.example/a/b", "/a/"), ("", nil), ("/a//", "/a/"),
    ])
    func aSectionIsThePathWithoutItsLastPart(url: String, section: String?) {
        var fold = SessionFold()
        fold.fold(live(0, "S", at: base, url: url))
        #expect(fold[0].steps[0].section == section.map { StableHash.of($0) } ?? 0)
    }
}
