import ChaosChecks
import EventLog
import Testing

struct KillPlanTests {
    static let seeds: [UInt64] = [1, 2, 3, 41, 99]

    @Test(arguments: seeds)
    func aSeedIsASchedule(seed: UInt64) {
        let plan = KillPlan(seed: seed, kills: 50)
        #expect(plan == KillPlan(seed: seed, kills: 50))
        #expect(plan != KillPlan(seed: seed + 1, kills: 50))
        #expect(plan.rounds.count == 50)
    }

    /// Ten kills are enough for everything that a server and those who change models can die at.
    @Test(arguments: seeds)
    func everyPointComesOnceBeforeAnyComesTwice(seed: UInt64) {
        let rounds = KillPlan(seed: seed, kills: 10).rounds
        let points = Set(rounds.compactMap(\.fault?.point) + rounds.compactMap(\.change?.point))
        #expect(points == Set(FaultPoint.allCases))
    }

    @Test(arguments: seeds)
    func theFirstLifeIsLongEnoughToHaveAPast(seed: UInt64) {
        switch KillPlan(seed: seed, kills: 200).rounds[0].deed {
        case .anywhere(let after), .stopping(let after, _): #expect(after > .seconds(1))
        case .at(let fault): #expect(fault.point != .refold && fault.point != .modelSwap)
        }
    }

    @Test(arguments: seeds)
    func whatIsFoldedAgainWasFoldedBefore(seed: UInt64) {
        let rounds = KillPlan(seed: seed, kills: 10).rounds
        #expect(rounds.firstIndex { $0.fault == Fault(.refold) } == 8)
    }

    @Test(arguments: FaultPoint.allCases)
    func aPointIsWrittenAsItIsRead(point: FaultPoint) throws {
        #expect(try Fault("\(point.rawValue)") == Fault(point))
        #expect(try Fault("\(Fault(point, passage: 17))") == Fault(point, passage: 17))
    }

    @Test(arguments: ["", "commit", "commit.before:", "commit.before:0", "commit.before:-1", "commit.before:x", ":3"])
    func whatIsNoPointIsRefused(text: String) {
        #expect(throws: Fault.Malformed.self) { try Fault(text) }
    }
}
