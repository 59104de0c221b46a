import FoundationEssentials

/// The one place where the program asks what time it is.
enum WallClock {
    /// Milliseconds since the epoch.
    @Sendable static func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }
}
