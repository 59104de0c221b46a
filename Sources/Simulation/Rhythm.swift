/// How the shop's day and week go (UTC): when visitors come, and when those come who mean to buy.
package enum Rhythm {
    /// Arrivals as a share of the busiest moment's.
    static func arrivals(at time: Int64) -> Double { hours[hour(time)] * days[day(time)] }

    /// Mean of `arrivals` over a week.
    static let meanArrivals = hours.reduce(0, +) / Double(hours.count) * (days.reduce(0, +) / Double(days.count))

    /// Factor on the weight of those who mean to buy: 1 on average over all arrivals.
    package static func buyers(at time: Int64) -> Double { buyers[hour(time)] / meanBuyers }

    /// Friday evening: where the shop has rushes, this is when.
    static func isRush(at time: Int64) -> Bool { day(time) == 4 && (18..<22).contains(hour(time)) }

    private static func hour(_ time: Int64) -> Int { Int(time / 3_600_000 % 24) }

    /// From Monday on; 1 January 1970 was a Thursday.
    private static func day(_ time: Int64) -> Int { Int((time / (24 * 3_600_000) + 3) % 7) }

    private static let hours = [
        0.32, 0.22, 0.16, 0.13, 0.13, 0.18, 0.30, 0.45, 0.58, 0.68, 0.74, 0.78, 0.80, 0.80, 0.80, 0.81, 0.83, 0.86,
        0.90, 0.96, 1.00, 0.95, 0.77, 0.52,
    ]
    private static let days = [0.92, 0.90, 0.89, 0.88, 0.85, 0.90, 1.00]
    private static let buyers = [
        0.85, 0.75, 0.65, 0.60, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95, 1.00, 0.95, 0.90, 0.95, 1.00, 1.05,
        1.15, 1.30, 1.40, 1.40, 1.25, 1.05,
    ]
    private static let meanBuyers = zip(hours, buyers).reduce(0) { $0 + $1.0 * $1.1 } / hours.reduce(0, +)
}
