/// When rows are due: the first one at once, the others as long after it as the speed says. Pure.
package struct Pacing: Sendable {
    private let speed: ReplaySpeed
    private var start: (time: Int64, moment: Int64)?

    package init(_ speed: ReplaySpeed) { self.speed = speed }

    /// - Parameters:
    ///   - time: the row's. Rows come in time order.
    ///   - now: at full speed every row is due now.
    /// - Returns: milliseconds since the epoch.
    package mutating func due(_ time: Int64, now: Int64) -> Int64 {
        guard case .times(let times) = speed, time != TimedRow.beforeAll else { return now }
        guard let start else {
            self.start = (time, now)
            return now
        }
        let wait = Double(time - start.time) / times
        // Far below the largest integer, so that nobody's sum overflows; it never comes.
        return start.moment + (wait < 1e15 ? Int64(wait) : 1_000_000_000_000_000)
    }
}
