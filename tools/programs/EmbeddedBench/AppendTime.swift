import Synchronization

/// The time at which a log under construction thinks that it appends: milliseconds since the epoch.
final class AppendTime: Sendable {
    private let time = Atomic(ShopLog.start)

    var now: Int64 {
        get { time.load(ordering: .relaxed) }
        set { time.store(newValue, ordering: .relaxed) }
    }
}
