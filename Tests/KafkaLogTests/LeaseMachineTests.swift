import KafkaLog
import Testing

/// What a member of the lease's group knows of its right, step by step.
struct LeaseMachineTests {
    private func machine(_ steps: (inout LeaseMachine) -> Void...) -> LeaseMachine.State {
        var machine = LeaseMachine()
        for step in steps { step(&machine) }
        #expect(
            machine.isHeld
                == {
                    switch machine.state {
                    case .held, .moving: true
                    default: false
                    }
                }())
        return machine.state
    }

    @Test func itIsHadOrRefused() {
        #expect(machine() == .waiting)
        #expect(machine({ $0.assign(owns: true, member: "a") }) == .held(member: "a"))
        #expect(machine({ $0.assign(owns: false, member: "a") }) == .refused)
        // Before the group has answered there is nothing to lose.
        #expect(machine({ $0.revoke(lost: true) }, { $0.assign(owns: true, member: "a") }) == .held(member: "a"))
    }

    @Test func itOutlastsTheGroupsRearrangements() {
        #expect(
            machine({ $0.assign(owns: true, member: "a") }, { $0.revoke(lost: false) }) == .moving(member: "a"))
        #expect(
            machine(
                { $0.assign(owns: true, member: "a") }, { $0.revoke(lost: false) }, { $0.revoke(lost: false) },
                { $0.assign(owns: true, member: "a") }) == .held(member: "a"))
    }

    @Test func itIsLostForGood() {
        #expect(machine({ $0.assign(owns: true, member: "a") }, { $0.revoke(lost: true) }) == .lost)
        #expect(
            machine(
                { $0.assign(owns: true, member: "a") }, { $0.revoke(lost: false) },
                { $0.assign(owns: false, member: "a") }) == .lost)
        #expect(
            machine(
                { $0.assign(owns: true, member: "a") }, { $0.revoke(lost: false) }, { $0.revoke(lost: true) },
                { $0.assign(owns: true, member: "a") }) == .lost)
        #expect(
            machine({ $0.assign(owns: false, member: "a") }, { $0.assign(owns: true, member: "a") }) == .refused)
    }

    /// Thrown out while the group rearranged itself, and let in again: somebody may have had it in between.
    @Test func anotherNameIsAnotherHolder() {
        #expect(
            machine(
                { $0.assign(owns: true, member: "a") }, { $0.revoke(lost: false) },
                { $0.assign(owns: true, member: "b") }) == .lost)
    }
}
