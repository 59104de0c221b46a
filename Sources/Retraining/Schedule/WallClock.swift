import Foundation

/// A time zone: turns what a clock on the wall shows into moments and back. Only offsets are asked of Foundation; all
/// other arithmetic is here, in seconds.
struct WallClock: Sendable {
    let zone: TimeZone

    /// Seconds east of Greenwich at a moment (seconds since the epoch).
    func offset(at moment: Int64) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(moment))))
    }

    /// The moment at which the wall shows `local` (seconds since 1970-01-01 00:00 on the wall).
    ///
    /// A time that the wall never shows, because clocks were put forward over it, is the moment at which they were. Of
    /// a time that it shows twice it is the first. So the result never falls where `local` rises.
    func moment(of local: Int64) -> Int64 {
        // No zone is further than 14 hours from Greenwich and none changes twice within these 52 hours.
        let margin: Int64 = 26 * 3_600
        let before = offset(at: local - margin)
        let after = offset(at: local + margin)
        let first = local - before
        if before == after || offset(at: first) == before { return first }
        let second = local - after
        if offset(at: second) == after { return second }
        return transition(after: second, notAfter: first)
    }

    /// The moment in (`low`, `high`] at which the offset changes: the first with the offset of `high`.
    private func transition(after low: Int64, notAfter high: Int64) -> Int64 {
        var low = low
        var high = high
        let target = offset(at: high)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if offset(at: middle) == target { high = middle } else { low = middle }
        }
        return high
    }
}
