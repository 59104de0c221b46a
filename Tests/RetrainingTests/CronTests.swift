import Foundation
import Retraining
import Testing

/// A moment written as ISO 8601 with an offset, in milliseconds since the epoch.
private func moment(_ text: String) throws -> Int64 {
    Int64(try Date(text, strategy: .iso8601).timeIntervalSince1970) * 1_000
}

private func text(_ moment: Int64) -> String {
    Date(timeIntervalSince1970: TimeInterval(moment / 1_000)).formatted(.iso8601)
}

@Suite struct CronNextRun {
    struct Case: Sendable, CustomTestStringConvertible {
        var schedule: String
        var after: String
        var runs: [String]
        var zone = "UTC"
        var testDescription: String { "\(schedule) \(zone) after \(after)" }
        init(_ schedule: String, _ zone: String = "UTC", after: String, _ runs: String...) {
            self.schedule = schedule
            self.zone = zone
            self.after = after
            self.runs = runs
        }
    }

    private func check(_ test: Case) throws {
        let schedule = try CronSchedule(test.schedule, timeZone: test.zone)
        let runs = schedule.nextRuns(test.runs.count, after: try moment(test.after))
        #expect(runs.map(text) == test.runs)
    }

    @Test(arguments: [
        Case("* * * * *", after: "2024-01-01T00:00:00Z", "2024-01-01T00:01:00Z", "2024-01-01T00:02:00Z"),
        Case("*/15 * * * *", after: "2024-01-01T00:50:00Z", "2024-01-01T01:00:00Z", "2024-01-01T01:15:00Z"),
        Case(
            "7-30/10 5 * * *", after: "2024-01-01T05:07:00Z", "2024-01-01T05:17:00Z", "2024-01-01T05:27:00Z",
            "2024-01-02T05:07:00Z"),
        Case(
            "5,1,3 0 * * *", after: "2024-01-01T00:01:00Z", "2024-01-01T00:03:00Z", "2024-01-01T00:05:00Z",
            "2024-01-02T00:01:00Z"),
        Case("0 3 * * *", after: "2024-12-31T03:00:00Z", "2025-01-01T03:00:00Z"),
        Case("0 3 * * *", after: "2024-12-31T02:59:59Z", "2024-12-31T03:00:00Z"),
        Case("30 4 1,15 * *", after: "2024-01-15T04:30:00Z", "2024-02-01T04:30:00Z", "2024-02-15T04:30:00Z"),
        Case("0 0 31 * *", after: "2024-01-31T00:00:00Z", "2024-03-31T00:00:00Z", "2024-05-31T00:00:00Z"),
        Case("0 0 29 2 *", after: "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"),
        Case("0 0 29 2 *", after: "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"),
        Case("0 0 29 2 */7", after: "2004-02-29T00:00:00Z", "2032-02-29T00:00:00Z"),
        Case("0 12 * jan,JUL mon-fri", after: "2024-07-31T12:00:00Z", "2025-01-01T12:00:00Z"),
        Case("0 0 * * 7", after: "2024-01-01T00:00:00Z", "2024-01-07T00:00:00Z", "2024-01-14T00:00:00Z"),
        Case("0 0 * * SUN", after: "2024-01-01T00:00:00Z", "2024-01-07T00:00:00Z"),
        Case(
            "0 0 * * 5-7", after: "2024-01-04T00:00:00Z", "2024-01-05T00:00:00Z", "2024-01-06T00:00:00Z",
            "2024-01-07T00:00:00Z", "2024-01-12T00:00:00Z"),
        Case(
            "0 0 * * SAT-SUN", after: "2024-01-04T00:00:00Z", "2024-01-06T00:00:00Z", "2024-01-07T00:00:00Z",
            "2024-01-13T00:00:00Z"),
        Case(
            "0 0 * * */2", after: "2024-01-07T00:00:00Z", "2024-01-09T00:00:00Z", "2024-01-11T00:00:00Z",
            "2024-01-13T00:00:00Z", "2024-01-14T00:00:00Z"),
        Case("  0\t0  1 1   * ", after: "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        Case("59 23 31 12 *", after: "2024-12-31T23:59:00Z", "2025-12-31T23:59:00Z"),
    ])
    func isTheNextMinuteThatMatches(_ test: Case) throws { try check(test) }

    /// 13 September 2024 was a Friday.
    @Test(arguments: [
        // Both day fields restricted: either.
        Case(
            "0 0 13 * FRI", after: "2024-09-01T00:00:00Z", "2024-09-06T00:00:00Z", "2024-09-13T00:00:00Z",
            "2024-09-20T00:00:00Z", "2024-09-27T00:00:00Z", "2024-10-04T00:00:00Z", "2024-10-11T00:00:00Z",
            "2024-10-13T00:00:00Z"),
        // One begins with *: both.
        Case("0 0 13 * *", after: "2024-09-01T00:00:00Z", "2024-09-13T00:00:00Z", "2024-10-13T00:00:00Z"),
        Case("0 0 * * FRI", after: "2024-09-07T00:00:00Z", "2024-09-13T00:00:00Z", "2024-09-20T00:00:00Z"),
        Case(
            "0 0 */2 * FRI", after: "2024-09-01T00:00:00Z", "2024-09-13T00:00:00Z", "2024-09-27T00:00:00Z",
            "2024-10-11T00:00:00Z"),
        // 30 February alone would never come; with a weekday, that one does.
        Case("0 0 30 2 MON", after: "2024-01-01T00:00:00Z", "2024-02-05T00:00:00Z", "2024-02-12T00:00:00Z"),
    ])
    func readsTheTwoDayFieldsAsCrontabDoes(_ test: Case) throws { try check(test) }

    @Test(arguments: [
        ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"), ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"), ("@yearly", "0 0 1 1 *"), ("@annually", "0 0 1 1 *"), ("@Daily", "0 0 * * *"),
    ])
    func aNameIsShortForFiveFields(_ name: String, _ fields: String) throws {
        let after = try moment("2023-12-25T10:11:12Z")
        #expect(try CronSchedule(name).nextRuns(20, after: after) == CronSchedule(fields).nextRuns(20, after: after))
    }

    @Test(arguments: [
        // Berlin, 31 March 2024: 02:00 to 03:00 does not exist; clocks go forward at 01:00 UTC.
        Case(
            "30 2 * * *", "Europe/Berlin", after: "2024-03-30T00:00:00Z", "2024-03-30T01:30:00Z",
            "2024-03-31T01:00:00Z", "2024-04-01T00:30:00Z"),
        // Several skipped times, and one at the end of the gap: one run.
        Case(
            "0,20,40 2,3 * * *", "Europe/Berlin", after: "2024-03-31T00:00:00Z", "2024-03-31T01:00:00Z",
            "2024-03-31T01:20:00Z", "2024-03-31T01:40:00Z", "2024-04-01T00:00:00Z"),
        Case(
            "0 * * * *", "Europe/Berlin", after: "2024-03-30T23:00:00Z", "2024-03-31T00:00:00Z",
            "2024-03-31T01:00:00Z", "2024-03-31T02:00:00Z"),
        // Berlin, 27 October 2024: 02:00 to 03:00 comes twice, first at 00:00 UTC.
        Case(
            "30 2 * * *", "Europe/Berlin", after: "2024-10-26T12:00:00Z", "2024-10-27T00:30:00Z",
            "2024-10-28T01:30:00Z"),
        Case(
            "0 * * * *", "Europe/Berlin", after: "2024-10-26T23:00:00Z", "2024-10-27T00:00:00Z",
            "2024-10-27T02:00:00Z"),
        // In the middle of the repetition.
        Case("45 2 * * *", "Europe/Berlin", after: "2024-10-27T01:10:00Z", "2024-10-28T01:45:00Z"),
        Case("0 0 * * *", "Europe/Berlin", after: "2024-07-01T00:00:00Z", "2024-07-01T22:00:00Z"),
        // New York, 10 March 2024: clocks go forward at 07:00 UTC; 3 November: back at 06:00 UTC.
        Case(
            "30 2 * * *", "America/New_York", after: "2024-03-09T12:00:00Z", "2024-03-10T07:00:00Z",
            "2024-03-11T06:30:00Z"),
        Case(
            "30 1 * * *", "America/New_York", after: "2024-11-02T12:00:00Z", "2024-11-03T05:30:00Z",
            "2024-11-04T06:30:00Z"),
        Case("0 0 * * MON", "America/New_York", after: "2024-03-04T12:00:00Z", "2024-03-11T04:00:00Z"),
        // Half-hour zones, and one whose clocks move by half an hour: Lord Howe, forward at 15:30 UTC on 5 October.
        Case("0 9 * * *", "Asia/Kolkata", after: "2024-01-01T00:00:00Z", "2024-01-01T03:30:00Z"),
        Case(
            "15 2 * * *", "Australia/Lord_Howe", after: "2024-10-05T00:00:00Z", "2024-10-05T15:30:00Z",
            "2024-10-06T15:15:00Z"),
        // Midnight itself skipped: Beirut, 31 March 2024, forward at 22:00 UTC of the 30th.
        Case(
            "0 0 * * *", "Asia/Beirut", after: "2024-03-29T23:00:00Z", "2024-03-30T22:00:00Z",
            "2024-03-31T21:00:00Z"),
        // A whole day skipped: Apia, 30 December 2011, ends at 10:00 UTC.
        Case(
            "0 12 30 12 *", "Pacific/Apia", after: "2011-12-01T00:00:00Z", "2011-12-30T10:00:00Z",
            "2012-12-29T22:00:00Z"),
    ])
    func followsTheClockOnTheWall(_ test: Case) throws { try check(test) }

    /// Every real minute of a span, read off Foundation's calendar: the runs are those minutes that match and whose
    /// wall time was not shown before; skipped wall times are looked for between the minutes.
    @Test(arguments: ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
    func agreesWithALookAtEveryMinute(_ zone: String) throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: zone))
        let schedules: [(text: String, minutes: Set<Int>, hours: Set<Int>)] = [
            ("*/7 1-3 * * *", Set(stride(from: 0, to: 60, by: 7)), [1, 2, 3]),
            ("25,55 * * * *", [25, 55], Set(0...23)),
            ("0 2 * * *", [0], [2]),
        ]
        let begins = [
            "2024-03-09T00:00:00Z", "2024-03-30T00:00:00Z", "2024-10-05T00:00:00Z", "2024-10-26T00:00:00Z",
            "2024-11-02T00:00:00Z", "2024-04-06T00:00:00Z",
        ]
        for schedule in schedules {
            for begin in try begins.map(moment) {
                var expected: [Int64] = []
                var highest = Int64.min
                for minute in 0..<(60 * 60) {
                    let time = begin + Int64(minute) * 60_000
                    let date = Date(timeIntervalSince1970: TimeInterval(time / 1_000))
                    let wall = time / 60_000 + Int64(calendar.timeZone.secondsFromGMT(for: date) / 60)
                    let shown = highest == .min ? wall...wall : (min(highest + 1, wall)...wall)
                    let matches = shown.contains { (wall: Int64) -> Bool in
                        let hour = Int(wall / 60 % 24)
                        let minute = Int(wall % 60)
                        return wall > highest && schedule.minutes.contains(minute) && schedule.hours.contains(hour)
                    }
                    let parts = calendar.dateComponents([.hour, .minute], from: date)
                    #expect(parts.hour == Int(wall / 60 % 24))
                    #expect(parts.minute == Int(wall % 60))
                    highest = max(highest, wall)
                    if matches { expected.append(time) }
                }
                let cron = try CronSchedule(schedule.text, timeZone: zone)
                let runs = cron.nextRuns(expected.count, after: begin - 1)
                #expect(runs == expected, "\(schedule.text) \(zone) from \(text(begin))")
            }
        }
    }

    @Test func isStrictlyLater() throws {
        let schedule = try CronSchedule("0 * * * *")
        let full = try moment("2024-01-01T05:00:00Z")
        #expect(schedule.next(after: full) == full + 3_600_000)
        #expect(schedule.next(after: full - 1) == full)
        #expect(schedule.next(after: full + 999) == full + 3_600_000)
    }
}

@Suite struct CronRefusal {
    @Test(arguments: [
        ("", "schedule"), ("* * * *", "schedule"), ("* * * * * *", "schedule"), ("@reboot", "schedule"),
        ("@dayly", "schedule"), ("60 * * * *", "minute"), ("-1 * * * *", "minute"), ("+1 * * * *", "minute"),
        ("a * * * *", "minute"), ("1,,2 * * * *", "minute"), ("1, * * * *", "minute"), ("*/0 * * * *", "minute"),
        ("*/ * * * *", "minute"), ("*/-5 * * * *", "minute"), ("*/60 * * * *", "minute"), ("5/15 * * * *", "minute"),
        ("30-10 * * * *", "minute"), ("1-2-3 * * * *", "minute"), ("*5 * * * *", "minute"), ("1.5 * * * *", "minute"),
        ("٣ * * * *", "minute"), ("99999999999999999999 * * * *", "minute"), ("0 24 * * *", "hour"),
        ("0 22-2 * * *", "hour"), ("0 MON * * *", "hour"), ("0 0 0 * *", "day of month"),
        ("0 0 32 * *", "day of month"), ("0 0 L * *", "day of month"), ("0 0 ? * *", "day of month"),
        ("0 0 1 0 *", "month"), ("0 0 1 13 *", "month"), ("0 0 1 JANUARY *", "month"), ("0 0 1 MON *", "month"),
        ("0 0 * * 8", "day of week"), ("0 0 * * MONDAY", "day of week"), ("0 0 * * FRI-MON", "day of week"),
        ("0 0 * * 1#2", "day of week"), ("0 0 30 2 *", "day of month"), ("0 0 31 2,4,6,9,11 *", "day of month"),
        ("0 0 30,31 FEB */2", "day of month"),
    ])
    func namesTheField(_ expression: String, _ field: String) {
        let error = #expect(throws: CronError.self) { try CronSchedule(expression) }
        #expect(error?.field == field)
        #expect(error?.reason.isEmpty == false)
    }

    @Test(arguments: ["", "Berlin", "CEST", "GMT+2", "+02:00", "Europe/Atlantis", "local"])
    func ofAZoneThatIsNoIANAName(_ zone: String) {
        let error = #expect(throws: CronError.self) { try CronSchedule("@daily", timeZone: zone) }
        #expect(error?.field == "time zone")
    }

    @Test func saysWhatToWriteInstead() {
        let error = #expect(throws: CronError.self) { try CronSchedule("5/15 * * * *") }
        #expect(error?.description == "minute: a step needs a range: write 5-59/15 instead of 5/15")
    }
}
