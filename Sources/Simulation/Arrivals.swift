/// When sessions begin: a Poisson process whose rate follows the hour of the day and the day of the week (UTC), by
/// thinning (Lewis, Shedler 1979).
struct Arrivals: Sendable {
    /// When the next session begins, milliseconds since the epoch.
    private(set) var next: Int64
    private var exact: Double
    private var chance: Chance
    private let meanGap_ms: Double

    /// Share of the busiest hour, by hour of the day.
    private static let hours = [
        0.32, 0.22, 0.16, 0.13, 0.13, 0.18, 0.30, 0.45, 0.58, 0.68, 0.74, 0.78, 0.80, 0.80, 0.80, 0.81, 0.83, 0.86,
        0.90, 0.96, 1.00, 0.95, 0.77, 0.52,
    ]
    /// Share of the busiest day, from Monday on.
    private static let days = [0.92, 0.90, 0.89, 0.88, 0.85, 0.90, 1.00]
    private static let mean =
        hours.reduce(0, +) / Double(hours.count) * (days.reduce(0, +) / Double(days.count))

    init(seed: UInt64, sessionsPerSecond: Double, start: Int64) {
        chance = Chance(seed: seed, stream: 0)
        // At the busiest moment so many candidates come that the average is what was asked for.
        meanGap_ms = 1_000 * Self.mean / sessionsPerSecond
        exact = Double(start)
        next = start
        advance()
    }

    mutating func advance() {
        repeat { exact += chance.exponential(mean: meanGap_ms) } while !chance.happens(Self.share(at: Int64(exact)))
        next = Int64(exact)
    }

    /// 1 January 1970 was a Thursday.
    private static func share(at time: Int64) -> Double {
        let hour = time / 3_600_000
        return hours[Int(hour % 24)] * days[Int((hour / 24 + 3) % 7)]
    }
}
