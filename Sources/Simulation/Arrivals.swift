/// When sessions begin: a Poisson process whose rate follows the hour of the day and the day of the week, by thinning
/// (Lewis, Shedler 1979).
struct Arrivals: Sendable {
    /// When the next session begins, milliseconds since the epoch.
    private(set) var next: Int64
    private var exact: Double
    private var chance: Chance
    private let meanGap_ms: Double
    private let rush: Double

    init(seed: UInt64, parameters: ShopParameters, start: Int64) {
        chance = Chance(seed: seed, stream: 0)
        // At the busiest moment so many candidates come that the average is what was asked for.
        meanGap_ms = 1_000 * Rhythm.meanArrivals / (parameters.sessionsPerSecond * parameters.rush)
        rush = parameters.rush
        exact = Double(start)
        next = start
        advance()
    }

    mutating func advance() {
        repeat { exact += chance.exponential(mean: meanGap_ms) } while !chance.happens(share(at: Int64(exact)))
        next = Int64(exact)
    }

    private func share(at time: Int64) -> Double {
        Rhythm.arrivals(at: time) * (Rhythm.isRush(at: time) ? 1 : 1 / rush)
    }
}
