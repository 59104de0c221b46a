/// How early buyers are known: an alarm is the first score at or above a threshold, and the threshold is the one at which
/// a given share of the sessions that do not buy is alarmed about.
public struct Earliness: Codable, Sendable, Equatable {
    /// The share of buying sessions with an alarm at least so many events before the purchase.
    public struct Caught: Codable, Sendable, Equatable {
        public var eventsBefore: Int
        public var share: Estimate
    }

    /// Share of sessions without a purchase that have an alarm: what was asked for, and what came of it where scores
    /// are equal. Never more than asked for.
    public var falseAlarmsAllowed: Double
    public var falseAlarms: Double
    public var threshold: Float
    public var caught: [Caught]

    public static let falseAlarmShares = [0.01, 0.05, 0.1]
    /// One event before the purchase is the last score of the session.
    public static let eventsBefore = [1, 2, 3, 5, 10]

    /// `nil` where one class is missing.
    init?(_ span: TestSpan, _ scores: [Float], falseAlarmsAllowed: Double) {
        func highest(_ number: Int, without last: Int) -> Float? {
            scores[span.starts[number]..<max(span.starts[number], span.starts[number + 1] - last)].max()
        }
        let peaks = span.sessions.indices.filter { !span.sessions[$0].purchased }
            .compactMap { highest($0, without: 0) }.sorted(by: >)
        let buyers = span.sessions.indices.filter { span.sessions[$0].purchased }
        guard !peaks.isEmpty, !buyers.isEmpty else { return nil }
        // Just above the highest peak that must stay silent.
        let allowed = Int(falseAlarmsAllowed * Double(peaks.count))
        let threshold = allowed < peaks.count ? peaks[allowed].nextUp : 0
        self.threshold = threshold
        self.falseAlarmsAllowed = falseAlarmsAllowed
        falseAlarms = Double(peaks.prefix(allowed).count { $0 >= threshold }) / Double(peaks.count)
        caught = Self.eventsBefore.map { before in
            let hits = buyers.count { highest($0, without: before - 1).map { $0 >= threshold } ?? false }
            return Caught(eventsBefore: before, share: Estimate(share: hits, of: buyers.count))
        }
    }
}

extension Estimate {
    /// A share of sessions, each of which is one drawing: Wilson's interval (1927), which resampling approaches.
    init(share hits: Int, of count: Int) {
        let (n, z) = (Double(count), 1.959_964)
        let p = Double(hits) / n
        let centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        self.init(value: p, interval: Interval(low: max(0, centre - half), high: min(1, centre + half)))
    }
}
