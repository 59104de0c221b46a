import ChaosChecks
import Testing

struct LedgerTests {
    private static func ledger(_ posts: [Ledger.Post]) -> Ledger {
        var ledger = Ledger()
        for post in posts { ledger.acknowledge(post, bySpool: 0) }
        return ledger
    }

    @Test func aLogInTheOrderOfThePostsIsRight() {
        let ledger = Self.ledger([
            .init(session: "a", ids: ["1", "2"], attempts: 1), .init(session: "a", ids: ["3"], attempts: 1),
        ])
        #expect(ledger.violations(firsts: ["a": ["1": 4, "2": 5, "3": 9]]) == [])
        #expect(ledger.acknowledged == 3)
    }

    @Test func anAcknowledgedIDThatIsNotStoredIsLost() {
        let ledger = Self.ledger([.init(session: "a", ids: ["1", "2"], attempts: 1)])
        let violations = ledger.violations(firsts: ["a": ["1": 0]])
        #expect(violations == ["lost: 2 of session a was acknowledged and is not stored"])
        #expect(ledger.violations(firsts: [:]).count == 2)
        #expect(ledger.missing(firsts: [:]) == 2)
        // While it may still come, it is not lost.
        #expect(ledger.violations(firsts: [:], complete: false) == [])
    }

    @Test func postsThatChangedPlacesAreNoticed() {
        let ledger = Self.ledger([
            .init(session: "a", ids: ["1"], attempts: 3), .init(session: "a", ids: ["2"], attempts: 1),
        ])
        let violations = ledger.violations(firsts: ["a": ["1": 7, "2": 3]])
        #expect(violations == ["order: session a has 2 at offset 3, but 1, sent before it, at 7"])
    }

    /// Within a post that was sent again a part of the first attempt may have come through.
    @Test func theOrderWithinAPostHoldsWhereItWasSentOnce() {
        for attempts in 1...2 {
            let ledger = Self.ledger([.init(session: "a", ids: ["1", "2"], attempts: attempts)])
            #expect(ledger.violations(firsts: ["a": ["1": 7, "2": 3]]).isEmpty == (attempts == 2))
        }
    }

    @Test func whatFollowsAPostFollowsAllOfIt() {
        let ledger = Self.ledger([
            .init(session: "a", ids: ["1", "2"], attempts: 2), .init(session: "a", ids: ["3"], attempts: 1),
        ])
        #expect(ledger.violations(firsts: ["a": ["1": 7, "2": 3, "3": 5]]).count == 1)
        #expect(ledger.violations(firsts: ["a": ["1": 7, "2": 3, "3": 8]]) == [])
    }
}
