/// What a group member owns, from being told to having given back. Pure: transitions say what is to be done.
///
/// A member that is assigned nothing owns the empty set, and is not asked before it is assigned again.
///
///     none ─assign─▶ starting ─begin, the last one─▶ owning ─revoke─▶ leaving ─release─▶ none
///       ▲                │ revoke                       │ lost
///       └────────────────┴──────────────────────────────┘
package struct AssignmentMachine: Sendable, Equatable {
    package enum State: Sendable, Equatable {
        case none
        /// Told, but not all offsets from which to read are known.
        case starting(waitingFor: Set<Int>, offsets: [Int: Int64])
        case owning(Set<Int>)
        /// The scorer commits what it has folded.
        case leaving(Set<Int>)
    }

    package enum Action: Sendable, Equatable {
        case nothing
        /// Tell the scorer what is assigned.
        case announce([Int])
        /// Read from these offsets.
        case read([Int: Int64])
        /// Tell the scorer to commit and release.
        case askBack([Int])
        /// Give the partitions up and tell the scorer to drop their state.
        case drop([Int])
        /// Give the partitions up.
        case giveBack
    }

    package private(set) var state = State.none

    package init() {}

    package mutating func assign(_ partitions: [Int]) -> Action {
        guard state == .none || state == .owning([]) else {
            preconditionFailure("AssignmentMachine.assign: while \(state)")
        }
        state = partitions.isEmpty ? .owning([]) : .starting(waitingFor: Set(partitions), offsets: [:])
        return partitions.isEmpty ? .read([:]) : .announce(partitions.sorted())
    }

    package mutating func begin(_ partition: Int, at offset: Int64) -> Action {
        guard case .starting(var waiting, var offsets) = state, waiting.remove(partition) != nil else {
            preconditionFailure("AssignmentMachine.begin: partition \(partition) while \(state)")
        }
        offsets[partition] = offset
        guard waiting.isEmpty else {
            state = .starting(waitingFor: waiting, offsets: offsets)
            return .nothing
        }
        state = .owning(Set(offsets.keys))
        return .read(offsets)
    }

    /// - Parameter lost: the group has given the partitions to others already.
    package mutating func revoke(lost: Bool) -> Action {
        switch state {
        case .none:
            return .giveBack
        case .starting(let waiting, let offsets):
            state = .none
            return .drop((waiting.union(offsets.keys)).sorted())
        case .owning(let partitions) where lost || partitions.isEmpty:
            state = .none
            return partitions.isEmpty ? .giveBack : .drop(partitions.sorted())
        case .owning(let partitions):
            state = .leaving(partitions)
            return .askBack(partitions.sorted())
        case .leaving(let partitions):
            state = .none
            return .drop(partitions.sorted())
        }
    }

    package mutating func release() -> Action {
        guard case .leaving = state else { return .nothing }
        state = .none
        return .giveBack
    }
}
