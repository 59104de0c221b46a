import Events
import Intent
import Sessions
import Testing

struct ExplanationTests {
    private static let kinds: [EventKind] = [.pageview, .detail, .add, .search, .detail]

    @Test(arguments: [1, 2, 3] as [UInt64])
    func everyFigureIsTheModelsOwnScore(seed: UInt64) {
        let model = Examples.untrained(hiddenSize: 8, seed: seed)
        let session = Examples.session(Self.kinds, purchased: false, sku: 7)
        let explanation = Explanation(model: model, steps: session.steps)
        let scores = model.scores(session)
        #expect(explanation.events.map(\.score) == scores)
        #expect(explanation.score == scores[4])
        #expect(explanation.events[0].change == scores[0] - explanation.prior)
        #expect(explanation.events[3].change == scores[3] - scores[2])
        // What an event does: the score less that of the same steps without it.
        for index in session.steps.indices {
            var rest = session
            rest.steps.remove(at: index)
            #expect(explanation.events[index].effect == scores[4] - (model.scores(rest).last ?? 0), "seed \(seed)")
        }
    }

    @Test func aSessionOfOneEventWithoutItIsNobody() {
        let model = Examples.untrained()
        let explanation = Explanation(
            model: model, steps: Examples.session([.add], purchased: false).steps)
        #expect(explanation.events.count == 1)
        #expect(explanation.events[0].effect == explanation.score - explanation.prior)
        #expect(explanation.sentence.contains("after 1 event,"))
    }

    @Test func anInputThatTheSessionDoesNotHaveDoesNothing() {
        let model = Examples.untrained(hiddenSize: 8)
        // Page views without product or cart, 15 seconds apart: as ordinary as the comparison itself.
        let steps = (0..<4).map { index in
            Step(
                kind: .pageview, gap_ms: index == 0 ? 0 : 15_000, elapsed_ms: UInt32(index) * 15_000, minuteOfWeek: 720)
        }
        let explanation = Explanation(model: model, steps: steps)
        #expect(explanation.inputs.allSatisfy { $0.effect == 0 })
        #expect(explanation.inputs.count == 7)
    }

    @Test func whatIsKnownOfAProductPulls() throws {
        let model = Examples.untrained(hiddenSize: 8)
        let known = Explanation(
            model: model, steps: Examples.session([.detail, .detail], purchased: false, sku: 7).steps)
        let unknown = Explanation(
            model: model, steps: Examples.session([.detail, .detail], purchased: false, sku: 8).steps)
        func effect(_ explanation: Explanation) throws -> Float {
            try #require(explanation.inputs.first { $0.name == "product statistics" }).effect
        }
        #expect(try effect(known) == known.score - unknown.score)
        #expect(try effect(unknown) == 0)
    }

    @Test func longSessionsAreExplainedFromTheirEnd() {
        let steps = Examples.session(
            Array(repeating: .detail, count: Explanation.maxEvents + 3), purchased: false
        ).steps
        let explanation = Explanation(model: Examples.untrained(), steps: steps)
        #expect(explanation.events.count == steps.count)
        #expect(explanation.events.prefix(3).allSatisfy { $0.effect == nil })
        #expect(explanation.events.dropFirst(3).allSatisfy { $0.effect != nil })
    }
}

struct InputGroupTests {
    /// What is taken away from sessions that differ in nothing else makes them equal.
    @Test func sessionsThatDifferInOneThingAreEqualWithoutIt() {
        let base = Step(
            kind: .pageview, sku: 5, page: 6, gap_ms: 0, elapsed_ms: 0, cart: 0, minuteOfWeek: 100, skuSeen: 0,
            pageSeen: 0)
        let changes: [(InputGroup, (inout Step) -> Void)] = [
            (.kind, { $0.kind = .add }),
            (
                .pace,
                {
                    $0.gap_ms = 900; $0.elapsed_ms = 7_000
                }
            ),
            (.page, { $0.page = 99 }),
            (.cart, { $0.cart = 2 }),
            (.productStatistics, { $0.sku = 77 }),
            (
                .repetition,
                {
                    $0.skuSeen = 1; $0.pageSeen = 3
                }
            ),
            (.timeOfDay, { $0.minuteOfWeek = 900 }),
        ]
        #expect(changes.map(\.0) == InputGroup.allCases)
        for (changed, change) in changes {
            var step = base
            change(&step)
            let plain = TrainingSession(start: 0, steps: [base, base], purchased: false)
            let other = TrainingSession(start: 0, steps: [base, step], purchased: false)
            for group in InputGroup.allCases {
                let areEqual = group.removed(from: plain) == group.removed(from: other)
                #expect(areEqual == (group == changed), "\(group) of sessions that differ in \(changed)")
            }
        }
    }
}
