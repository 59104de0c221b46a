import FoundationEssentials

/// The time a replay goes by, and how it waits.
public struct ReplayClock: Sendable {
    /// Milliseconds since the epoch.
    public var now: @Sendable () -> Int64
    /// Throws where the task is cancelled meanwhile.
    public var sleep: @Sendable (Duration) async throws -> Void

    public init(now: @escaping @Sendable () -> Int64, sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.now = now
        self.sleep = sleep
    }

    /// This machine's.
    public static let system = ReplayClock(
        now: { Int64(Date().timeIntervalSince1970 * 1_000) }, sleep: { try await Task.sleep(for: $0) })

    func pause(_ time: Duration) async throws(ReplayError) {
        do { try await sleep(time) } catch { throw .cancelled }
    }
}
