import Foundation

/// The time of day for the scheduler: milliseconds since the epoch.
public protocol RetrainClock: Sendable {
    func now() -> Int64

    /// Returns when `now()` is `moment` or later. Throws `CancellationError` where the task is cancelled before.
    func sleep(until moment: Int64) async throws
}

/// The machine's clock. Sleeps in short stretches and looks again, so that a machine that slept, or a clock that was
/// set, is noticed within one of them.
public struct SystemRetrainClock: RetrainClock {
    static let stretch_ms: Int64 = 30_000

    public init() {}

    public func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }

    public func sleep(until moment: Int64) async throws {
        while true {
            let left = moment - now()
            guard left > 0 else { return }
            try await Task.sleep(for: .milliseconds(min(left, Self.stretch_ms)))
        }
    }
}
