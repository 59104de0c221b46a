package import EventLog

/// What scoring does about an error of its consumer. Pure: `docs/kafka.md` has the same as a table for operators.
///
/// Whatever is done, state that a commit did not take is dropped, and is folded again from the committed position by
/// whoever has the partition next.
package struct Recovery: Sendable {
    package enum Action: Sendable, Equatable {
        /// Drop all state; the consumer says what comes next.
        case drop
        /// Drop all state, and join the group anew after a pause.
        case rejoin(after: Duration)
        /// Nothing that this process can do helps.
        case end
    }

    /// Times in a row that it may join anew without a commit in between.
    private let maxRejoins: Int
    /// Before the first of them; doubles from one to the next.
    private let delay: Duration
    private var rejoins = 0
    private var last: ContinuousClock.Instant?

    /// After so long the next trouble is another one.
    private static let row = Duration.seconds(600)

    package init(maxRejoins: Int, delay: Duration) {
        self.maxRejoins = maxRejoins
        self.delay = delay
    }

    package mutating func action(_ error: EventLogError, at now: ContinuousClock.Instant) -> Action {
        switch error {
        case .partitionsLost: return .drop
        case .mustRejoin:
            if let last, now - last > Self.row { rejoins = 0 }
            guard rejoins < maxRejoins else { return .end }
            defer { rejoins += 1 }
            last = now
            return .rejoin(after: delay * (1 << min(rejoins, 6)))
        case .overloaded, .closed, .replayGap, .tooLarge, .unusable, .fenced, .failed, .stopped: return .end
        }
    }

    package mutating func committed() { rejoins = 0 }
}
