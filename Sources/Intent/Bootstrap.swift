/// Windows of sessions drawn with replacement (Efron 1979), for the intervals of a report.
///
/// Sessions are drawn, never prefixes: those of a session share their label, and drawn singly they would make every
/// interval too narrow. Equal seeds give equal windows, so that two predictors on the same sessions are compared in pairs.
struct Bootstrap {
    /// How often each session stands in a window.
    typealias Window = [UInt16]

    /// The window in which every session stands once.
    static func whole(_ sessions: Int) -> Window { Window(repeating: 1, count: sessions) }

    private let sessions: Int
    private let resamples: Int
    private let seed: UInt64

    init(sessions: Int, resamples: Int, seed: UInt64) {
        precondition(sessions > 0 && resamples > 0, "Bootstrap.init: a window of nothing")
        self.sessions = sessions
        self.resamples = resamples
        self.seed = seed
    }

    /// Hands every window to `body`, one after the other, in memory for one.
    func forEach(_ body: (Window) -> Void) {
        var random = RandomSource(seed: seed)
        var window = Window(repeating: 0, count: sessions)
        for _ in 0..<resamples {
            for index in window.indices { window[index] = 0 }
            for _ in 0..<sessions {
                let drawn = random.below(sessions)
                if window[drawn] < .max { window[drawn] += 1 }
            }
            body(window)
        }
    }
}

/// The middle 95 % of what resampled windows gave.
public struct Interval: Codable, Sendable, Equatable {
    public var low: Double
    public var high: Double
}

extension Interval {
    /// `nil` where fewer than twenty windows gave a figure: their tails say nothing.
    init?(_ figures: some Sequence<Double?>) {
        let sorted = figures.compactMap { $0 }.filter(\.isFinite).sorted()
        guard sorted.count >= 20 else { return nil }
        // The windows' own 2.5th and 97.5th percentile, between neighbours in proportion.
        func percentile(_ share: Double) -> Double {
            let place = share * Double(sorted.count - 1)
            let below = Int(place)
            let above = min(below + 1, sorted.count - 1)
            return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
        }
        low = percentile(0.025)
        high = percentile(0.975)
    }
}

/// A figure with its 95 % interval.
public struct Estimate: Codable, Sendable, Equatable {
    public var value: Double
    public var interval: Interval?
}
