import NIOCore

/// Percentiles and slopes.
enum Statistics {
    /// In milliseconds.
    static func percentiles(_ times: [TimeAmount]) -> String {
        let sorted = times.map(\.nanoseconds).sorted()
        guard let last = sorted.last else { return "none" }
        func at(_ share: Double) -> String { text(sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]) }
        return "p50 \(at(0.5)) ms, p99 \(at(0.99)) ms, p99.9 \(at(0.999)) ms, max \(text(last)) ms"
    }

    static func percentile(_ times: [TimeAmount], _ share: Double) -> Double {
        let sorted = times.map(\.nanoseconds).sorted()
        guard !sorted.isEmpty else { return 0 }
        return Double(sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]) / 1e6
    }

    static func text(_ nanoseconds: Int64) -> String { rounded(Double(nanoseconds) / 1e6) }

    static func rounded(_ value: Double) -> String { String((value * 100).rounded() / 100) }

    /// The least-squares slope of `y` over `x`, and its standard error; samples of a process follow each other closely,
    /// so the error is taken from the means of ten stretches.
    static func slope(_ points: [(x: Double, y: Double)]) -> (slope: Double, error: Double) {
        let stretch = max(1, points.count / 10)
        let means = stride(from: 0, to: points.count - stretch + 1, by: stretch).map { start in
            let part = points[start..<start + stretch]
            return (
                x: part.reduce(0) { $0 + $1.x } / Double(stretch), y: part.reduce(0) { $0 + $1.y } / Double(stretch)
            )
        }
        let count = Double(means.count)
        guard count > 2 else { return (0, .infinity) }
        let x = means.reduce(0) { $0 + $1.x } / count, y = means.reduce(0) { $0 + $1.y } / count
        let spread = means.reduce(0) { $0 + ($1.x - x) * ($1.x - x) }
        let slope = means.reduce(0) { $0 + ($1.x - x) * ($1.y - y) } / spread
        let rest = means.reduce(0) { $0 + (($1.y - y) - slope * ($1.x - x)) * (($1.y - y) - slope * ($1.x - x)) }
        return (slope, (rest / (count - 2) / spread).squareRoot())
    }
}
