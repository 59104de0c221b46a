import Foundation

/// When retraining runs: five fields as in crontab(5), or `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`,
/// `@yearly`, `@annually`, read on the clock of one time zone. Pure: no clock is read here.
///
/// Rules:
/// 1. Where both day fields are restricted, a day runs if either matches; where one begins with `*`, both must match.
/// 2. A time that is skipped when clocks go forward runs at the moment they do; several of them run once.
/// 3. A time that is repeated when clocks go back runs at its first occurrence only.
/// 4. A schedule that would never run is refused.
public struct CronSchedule: Sendable, Equatable, CustomStringConvertible {
    /// As it was written.
    public let expression: String
    /// The IANA name.
    public let timeZone: String

    private let minutes: [Int]
    private let hours: [Int]
    private let dayOfMonth: CronField
    private let month: CronField
    private let dayOfWeek: CronField
    private let wall: WallClock

    /// - Parameters:
    ///   - expression: five fields, or a name that begins with `@`.
    ///   - timeZone: an IANA name such as `Europe/Berlin`.
    /// - Throws: `CronError` with the field that is wrong and why.
    public init(_ expression: String, timeZone: String = "UTC") throws(CronError) {
        self.expression = expression
        self.timeZone = timeZone
        guard let zone = Self.zone(named: timeZone) else {
            throw CronError(
                field: "time zone",
                reason:
                    "\"\(timeZone)\" is not known here: give an IANA name such as Europe/Berlin (see /usr/share/zoneinfo)"
            )
        }
        wall = WallClock(zone: zone)

        let trimmed = expression.trimmingCharacters(in: .whitespaces)
        let fields = try Self.expanded(trimmed).split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard fields.count == 5 else {
            throw CronError(
                field: "schedule",
                reason: """
                    "\(expression)" has \(fields.count) fields, not 5 (minute, hour, day of month, month, day of week)
                    """)
        }
        minutes = try CronField(fields[0], .minute).values
        hours = try CronField(fields[1], .hour).values
        dayOfMonth = try CronField(fields[2], .dayOfMonth)
        month = try CronField(fields[3], .month)
        dayOfWeek = try CronField(fields[4], .dayOfWeek)
        if !canEverRun {
            throw CronError(
                field: "day of month", reason: "\(fields[2]) never comes in month \(fields[3]): it would never run")
        }
    }

    private static func zone(named name: String) -> TimeZone? {
        // Foundation takes abbreviations and offsets as well; those have no daylight saving or are ambiguous.
        guard name == "UTC" || name.contains("/") else { return nil }
        return TimeZone(identifier: name)
    }

    private static func expanded(_ text: String) throws(CronError) -> String {
        guard text.hasPrefix("@") else { return text }
        switch text.lowercased() {
        case "@hourly": return "0 * * * *"
        case "@daily", "@midnight": return "0 0 * * *"
        case "@weekly": return "0 0 * * 0"
        case "@monthly": return "0 0 1 * *"
        case "@yearly", "@annually": return "0 0 1 1 *"
        default:
            throw CronError(
                field: "schedule",
                reason: "\(text) is not known: @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually are"
            )
        }
    }

    private var eitherDay: Bool { !dayOfMonth.startsWithStar && !dayOfWeek.startsWithStar }

    private var canEverRun: Bool {
        eitherDay
            || month.values.contains { month in
                dayOfMonth.values.contains { $0 <= CivilDate.mostDays(inMonth: month) }
            }
    }

    private func matches(_ date: CivilDate) -> Bool {
        guard month.contains(date.month) else { return false }
        let byMonth = dayOfMonth.contains(date.day)
        let byWeek = dayOfWeek.contains(date.weekday)
        return eitherDay ? byMonth || byWeek : byMonth && byWeek
    }

    /// The first run after a moment, both in milliseconds since the epoch.
    public func next(after time_ms: Int64) -> Int64 {
        let after = time_ms.flooredDivision(by: 1_000)
        // A zone may skip a whole day (Apia, 30 December 2011), whose runs come at the end of it.
        let firstDay = Int((after + wall.offset(at: after)).flooredDivision(by: 86_400)) - 1
        // The calendar repeats after 400 years, and in each of them every date falls on every weekday.
        let days = 146_097 + 2
        for dayNumber in firstDay...(firstDay + days) {
            let date = CivilDate(dayNumber: dayNumber)
            guard matches(date) else { continue }
            let midnight = Int64(dayNumber) * 86_400
            for hour in hours {
                // Whole hours that have passed need no look at their minutes.
                guard wall.moment(of: midnight + Int64(hour * 3_600 + 59 * 60)) > after else { continue }
                for minute in minutes {
                    let moment = wall.moment(of: midnight + Int64(hour * 3_600 + minute * 60))
                    if moment > after { return moment * 1_000 }
                }
            }
        }
        preconditionFailure("CronSchedule.next: \(expression) never runs, though it was accepted")
    }

    /// The next `count` runs after a moment, in milliseconds since the epoch.
    public func nextRuns(_ count: Int, after time_ms: Int64) -> [Int64] {
        var runs: [Int64] = []
        var time_ms = time_ms
        while runs.count < count {
            time_ms = next(after: time_ms)
            runs.append(time_ms)
        }
        return runs
    }

    public var description: String { "\(expression) (\(timeZone))" }

    public static func == (left: CronSchedule, right: CronSchedule) -> Bool {
        left.expression == right.expression && left.timeZone == right.timeZone
    }
}
