import Foundation

/// Seconds by the clock, and of all of this process's threads together. Where others share the processors, the second
/// says more.
public struct Cost: Sendable {
    public var clock: Double
    public var processor: Double

    public init(clock: Double, processor: Double) {
        self.clock = clock
        self.processor = processor
    }

    public static let none = Cost(clock: .nan, processor: .nan)

    public static var now: Cost {
        func time(_ clock: clockid_t) -> Double {
            var time = timespec()
            clock_gettime(clock, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        }
        return Cost(clock: time(CLOCK_MONOTONIC), processor: time(CLOCK_PROCESS_CPUTIME_ID))
    }

    public static func of(_ body: () async throws -> Void) async rethrows -> Cost {
        let before = Cost.now
        try await body()
        return Cost.now - before
    }

    public static func - (left: Cost, right: Cost) -> Cost {
        Cost(clock: left.clock - right.clock, processor: left.processor - right.processor)
    }

    public static func / (left: Cost, right: Double) -> Cost {
        Cost(clock: left.clock / right, processor: left.processor / right)
    }
}
