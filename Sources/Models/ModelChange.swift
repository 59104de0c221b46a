/// One change of the champion.
public struct ModelChange: Sendable, Codable, Equatable {
    public enum Actor: String, Sendable, Codable {
        case retrain, promote, rollback
    }

    /// Milliseconds since the epoch.
    public var time: Int64
    public var from: Int?
    public var to: Int
    public var by: Actor
    public var reason: String

    public init(time: Int64, from: Int?, to: Int, by: Actor, reason: String) {
        self.time = time
        self.from = from
        self.to = to
        self.by = by
        self.reason = reason
    }
}

extension [ModelChange] {
    /// The champion that `current` took over from when it was last chosen. A rollback takes a change back and is itself
    /// none to take back, so that a second goes one further.
    ///
    /// A change whose effect neither the next change nor `current` shows did not happen: the machine stopped after
    /// recording it.
    func champion(before current: Int) -> Int? {
        var chosen: [Int] = []
        func retreat(to number: Int?) {
            while let last = chosen.last, last != number { chosen.removeLast() }
        }
        for change in self {
            retreat(to: change.from)
            if chosen.isEmpty, let from = change.from { chosen.append(from) }
            if change.by == .rollback, chosen.contains(change.to) {
                retreat(to: change.to)
            } else {
                chosen.append(change.to)
            }
        }
        retreat(to: current)
        return chosen.dropLast().last
    }
}
