/// What a member of the lease's group knows of its right to retrain. Pure.
///
///     waiting ──assigned──▶ held ◀──assigned, as the same member── moving
///        │                   │ └──────────────revoked────────────────▲
///        │ assigned nothing  │ lost
///        ▼                   ▼
///     refused               lost ◀── lost, or assigned nothing, or as another member ── moving
///
/// While the group rearranges itself (`moving`) nobody has the partition, and what was its owner has it again after or
/// has lost it. A member that was thrown out meanwhile comes back under another id: who knows who had it in between.
package struct LeaseMachine: Sendable, Equatable {
    package enum State: Sendable, Equatable {
        case waiting
        case held(member: String)
        case moving(member: String)
        case refused
        case lost
    }

    package private(set) var state = State.waiting

    package init() {}

    /// The group has handed partitions out.
    ///
    /// - Parameters:
    ///   - owns: the lease's partition is among them.
    ///   - member: this process' id in the group.
    package mutating func assign(owns: Bool, member: String) {
        switch state {
        case .waiting: state = owns ? .held(member: member) : .refused
        case .held(let before), .moving(let before): state = owns && member == before ? .held(member: member) : .lost
        case .refused, .lost: break
        }
    }

    /// The group has taken the partition back.
    ///
    /// - Parameter lost: it may have another owner already.
    package mutating func revoke(lost: Bool) {
        switch state {
        case .held(let member), .moving(let member): state = lost ? .lost : .moving(member: member)
        case .waiting, .refused, .lost: break
        }
    }

    /// Whether the right was had and has not been lost.
    package var isHeld: Bool {
        switch state {
        case .held, .moving: true
        case .waiting, .refused, .lost: false
        }
    }
}
