/// So many events a second, with so many at once. May go below nothing: a request is let in while anything is left, and
/// pays for all its events afterwards, so that a large one passes too.
struct TokenBucket {
    private var level: Double
    /// Milliseconds since the epoch.
    private var filled: Int64

    init(burst: Double, now: Int64) {
        level = burst
        filled = now
    }

    /// How many seconds to wait until anything is left; `nil`: something is.
    mutating func wait_s(rate: Double, burst: Double, now: Int64) -> Int? {
        fill(rate: rate, burst: burst, now: now)
        return level > 0 ? nil : Int((-level / rate).rounded(.down)) + 1
    }

    mutating func pay(_ count: Int, rate: Double, burst: Double, now: Int64) {
        fill(rate: rate, burst: burst, now: now)
        level -= Double(count)
    }

    /// A clock that was set back gives nothing.
    private mutating func fill(rate: Double, burst: Double, now: Int64) {
        level = min(burst, level + rate * Double(max(0, now - filled)) / 1_000)
        filled = now
    }
}
