/// The time that scoring lives by: when a commit, a tick or a look for a champion is due, and its pauses. What is scored
/// does not depend on it. Handed in, so that a simulation can let nights pass in milliseconds.
package struct ScoringTime: Sendable {
    /// Never goes back; only differences count.
    package var instant: @Sendable () -> ContinuousClock.Instant
    /// A shutdown cuts it short.
    package var pause: @Sendable (Duration) async -> Void
    /// Where a commit runs that goes on beside the fold; `nil`: wherever tasks run.
    package var executor: (any TaskExecutor)?

    package init(
        instant: @escaping @Sendable () -> ContinuousClock.Instant,
        pause: @escaping @Sendable (Duration) async -> Void, executor: (any TaskExecutor)? = nil
    ) {
        self.instant = instant
        self.pause = pause
        self.executor = executor
    }
}
