import Events
import Intent
import Sessions
import Testing

/// What a model may see of a session that bought.
struct MaskingTests {
    private static func session(_ events: [(EventKind, Int64)]) -> TrainingSession?? {
        var fold = SessionFold()
        var closed: Session?
        for (offset, (kind, second)) in events.enumerated() {
            let event = Event(id: "\(offset)", session: "s", kind: kind, timestamp: second * 1_000)
            _ = fold.fold(
                offset: Int64(offset), time: 0, entry: .event(event, timeline: .replay("r")), scoring: false
            ) { _ in }
        }
        _ = fold.fold(offset: Int64(events.count), time: 0, entry: .end(replay: "r"), scoring: false) {
            closed = $0.session
        }
        return closed.map { TrainingSession($0) }
    }

    @Test func nothingAtOrAfterThePurchasesTimeIsSeen() throws {
        let session = try #require(
            Self.session([(.pageview, 0), (.detail, 10), (.pageview, 20), (.purchase, 20), (.pageview, 20), (.add, 30)])
        )
        #expect(session?.purchased == true)
        #expect(session?.steps.map(\.kind) == [.pageview, .detail])
    }

    @Test func aSessionThatBeginsWithItsPurchaseTeachesNothing() throws {
        #expect(try #require(Self.session([(.purchase, 0), (.pageview, 5)])) == nil)
        // Neither does one whose first event shares the purchase's time stamp.
        #expect(try #require(Self.session([(.pageview, 0), (.purchase, 0)])) == nil)
    }

    @Test func aSessionWithoutPurchaseIsSeenWhole() throws {
        let session = try #require(Self.session([(.pageview, 0), (.add, 10), (.remove, 20)]))
        #expect(session?.purchased == false)
        #expect(session?.steps.count == 3)
    }
}
