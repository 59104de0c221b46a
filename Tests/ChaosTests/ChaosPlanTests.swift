import ChaosChecks
import Testing

struct ChaosPlanTests {
    static let seeds: [UInt64] = [1, 2, 3, 41, 99]

    private static func plan(_ seed: UInt64) -> ChaosPlan {
        ChaosPlan(seed: seed, length: .seconds(120), collectors: 2, scorers: 3, sessionTimeout: .seconds(6))
    }

    @Test(arguments: seeds)
    func aSeedIsARun(seed: UInt64) {
        #expect(Self.plan(seed) == Self.plan(seed))
        #expect(Self.plan(seed) != Self.plan(seed + 1))
    }

    @Test(arguments: seeds)
    func nobodyIsStruckTwiceAtATimeAndAllIsOverAtTheEnd(seed: UInt64) {
        let plan = Self.plan(seed)
        #expect(plan.steps.count > 10)
        var busyUntil: [ChaosPlan.Target: Duration] = [:]
        for step in plan.steps {
            #expect(step.at >= busyUntil[step.target] ?? .zero)
            #expect(step.ends <= .seconds(120))
            busyUntil[step.target] = step.ends
        }
    }

    @Test func everyDeedIsDoneToSomebody() {
        let steps = Self.seeds.flatMap { Self.plan($0).steps }
        var deeds: Set<String> = []
        for step in steps {
            switch (step.target, step.deed) {
            case (.scorer, .pause(let duration)):
                #expect(duration > .seconds(6), "not past the session's timeout")
                deeds.insert("scorer paused")
            case (.collector, .pause): deeds.insert("collector paused")
            case (.scorer, .kill): deeds.insert("scorer killed")
            case (.collector, .kill): deeds.insert("collector killed")
            case (.scorer, .leave): deeds.insert("scorer left")
            case (.collector, .leave): deeds.insert("collector left")
            }
        }
        #expect(deeds.count == 6, "\(deeds)")
    }
}
