import ChaosChecks
import EventLog
import Testing

/// The reckoning must agree with what was made of an honest log, and must notice every way in which it can be wrong.
struct ReckoningTests {
    private static let minute: Int64 = 60_000

    private static func event(
        _ id: String, _ session: String, _ type: String, timeline: String? = nil, at time: Int64 = 0
    ) -> [UInt8] {
        let replay = timeline.map { #","timeline":"\#($0)""# } ?? ""
        return Array(#"{"id":"\#(id)","session":"\#(session)","type":"\#(type)","timestamp":\#(time)\#(replay)}"#.utf8)
    }

    /// One partition: a session that buys and one that is silent for too long, a repetition, a tick, a replay.
    private static let records: [(value: [UInt8], time: Int64)] = [
        (event("1", "a", "detail", at: 5), 0),
        (event("2", "a", "add", at: 7), minute),
        (event("2", "b", "detail", at: 9), 2 * minute),
        (event("3", "a", "purchase", at: 8), 3 * minute),
        (event("4", "a", "detail", at: 8), 33 * minute),
        (event("r/2", "c", "add", timeline: "r", at: 1), 33 * minute),
        (event("r/3", "c", "remove", timeline: "r", at: 2), 33 * minute),
        (Array(#"{"control":"end","timeline":"r"}"#.utf8), 33 * minute),
        (Array(#"{"control":"tick"}"#.utf8), 64 * minute),
    ]

    private static func score(
        _ offset: Int, _ session: Int, _ key: String, _ type: String, timestamp: Int64, prefix: Int, cart: Int = 0,
        timeline: String = "live"
    ) -> String {
        #"{"session":"0:\#(session)","key":"s:\#(key)","timeline":"\#(timeline)","partition":0,"offset":\#(offset),"#
            + #""timestamp":\#(timestamp),"type":"\#(type)","prefix":\#(prefix),"cart":\#(cart),"score":0.25,"model":1}"#
    }

    private static let scores = [
        score(0, 0, "a", "detail", timestamp: 5, prefix: 1),
        score(1, 0, "a", "add", timestamp: 7, prefix: 2, cart: 1),
        score(2, 2, "b", "detail", timestamp: 9, prefix: 1),
        score(5, 5, "c", "add", timestamp: 1, prefix: 1, cart: 1, timeline: "r"),
        score(6, 5, "c", "remove", timestamp: 2, prefix: 2, timeline: "r"),
    ]

    private static let outcomes = [
        #"{"session":"0:2","key":"s:b","timeline":"live","partition":0,"offset":4,"purchased":false,"prefixes":1,"records":1,"adds":0,"started":9,"ended":9,"closing":"silence","truncated":false}"#,
        #"{"session":"0:5","key":"s:c","timeline":"r","partition":0,"offset":7,"purchased":false,"prefixes":2,"records":2,"adds":1,"started":1,"ended":2,"closing":"end","truncated":false}"#,
        #"{"session":"0:0","key":"s:a","timeline":"live","partition":0,"offset":8,"purchased":true,"purchaseOffset":3,"prefixes":2,"records":4,"adds":1,"started":5,"ended":8,"closing":"silence","truncated":false}"#,
    ]

    private static let position =
        #"{"start":0,"next":9,"low":9,"counters":{"scored":5,"after_purchase":2,"repeated":0,"unscored":0,"muted":0,"control":2,"rejected":0,"markers":0},"sessions":{"opened":3,"closed":3,"muted":0,"purchased":1,"with_add":2,"truncated":0,"out_of_order":0}}"#

    private static func findings(
        records: [(value: [UInt8], time: Int64)] = records, scores: [String] = scores, outcomes: [String] = outcomes,
        position: String? = position
    ) -> [String] {
        var reckoning = Reckoning(partition: 0, partitions: 1)
        for (offset, record) in records.enumerated() {
            reckoning.take(event: record.value, offset: Int64(offset), time: record.time)
        }
        for score in scores { reckoning.take(score: Array(score.utf8)) }
        for outcome in outcomes { reckoning.take(outcome: Array(outcome.utf8)) }
        return reckoning.findings(position: position)
    }

    @Test func anHonestDirectoryAgrees() {
        #expect(Self.findings() == [])
    }

    @Test(arguments: scores.indices)
    func everyMissingAndEverySecondScoreIsNoticed(index: Int) {
        var fewer = Self.scores
        fewer.remove(at: index)
        let missing = Self.findings(scores: fewer)
        #expect(missing.count == 1)
        #expect(missing.first?.contains("is in no account") == true)
        var more = Self.scores
        more.insert(more[index], at: index)
        let second = Self.findings(scores: more)
        #expect(second.count == 1)
        #expect(second.first?.contains("a second score") == true)
    }

    @Test(arguments: outcomes.indices)
    func everyMissingAndEverySecondOutcomeIsNoticed(index: Int) {
        var fewer = Self.outcomes
        fewer.remove(at: index)
        #expect(Self.findings(outcomes: fewer).count == 1)
        var more = Self.outcomes
        more.insert(more[index], at: index)
        #expect(Self.findings(outcomes: more).count == 1)
    }

    @Test(arguments: [
        ("\"prefixes\":2", "\"prefixes\":1"), ("\"records\":4", "\"records\":5"), ("\"adds\":1", "\"adds\":2"),
        ("\"purchaseOffset\":3", "\"purchaseOffset\":4"), ("\"ended\":8", "\"ended\":7"), ("silence", "muted"),
        ("\"purchased\":true", "\"purchased\":false"), ("\"started\":5", "\"started\":4"), ("s:a", "s:b"),
    ])
    func everyFieldOfAnOutcomeCounts(field: String, wrong: String) {
        var outcomes = Self.outcomes
        outcomes[2] = outcomes[2].replacing(field, with: wrong)
        #expect(outcomes != Self.outcomes)
        #expect(Self.findings(outcomes: outcomes).count == 1)
    }

    @Test(arguments: [
        ("\"prefix\":2", "\"prefix\":3"), ("\"cart\":1", "\"cart\":0"), ("\"timestamp\":7", "\"timestamp\":8"),
        ("\"add\"", "\"detail\""), ("0:0", "0:1"),
    ])
    func everyFieldOfAScoreCounts(field: String, wrong: String) {
        var scores = Self.scores
        scores[1] = scores[1].replacing(field, with: wrong)
        #expect(scores != Self.scores)
        #expect(Self.findings(scores: scores).count == 1)
    }

    @Test(arguments: [
        "start", "next", "low", "scored", "after_purchase", "repeated", "unscored", "muted", "control", "rejected",
        "opened", "closed", "purchased", "with_add", "out_of_order",
    ])
    func aPositionThatSaysSomethingElseIsNoticed(field: String) {
        let wrong = Self.position.replacing("\"\(field)\":", with: "\"\(field)\":1")
        #expect(!Self.findings(position: wrong).isEmpty)
        #expect(Self.findings(position: nil) == ["partition 0: no position was committed"])
    }

    @Test func aLiveEventStoredTwiceIsNoticed() {
        var records = Self.records
        records[4].value = Self.event("3", "a", "purchase", at: 8)
        let findings = Self.findings(records: records)
        #expect(findings.contains("partition 0: 3 of session a is stored twice, at 3 and 4"))
    }

    @Test func aRowStoredTwiceIsNoticed() {
        var records = Self.records
        records[6].value = records[5].value
        #expect(Self.findings(records: records).contains("partition 0: 6 is row r/2 of replay r once more"))
    }

    @Test func aGapAndAWrongPartitionAreNoticed() {
        var reckoning = Reckoning(partition: 0, partitions: 64)
        reckoning.take(event: Self.event("1", "a", "detail"), offset: 0, time: 0)
        reckoning.take(event: Self.event("2", "a", "detail"), offset: 2, time: 0)
        let findings = reckoning.findings(position: nil)
        #expect(findings.contains("partition 0: offset 2 stands where 1 should"))
        #expect(Partitioner.partition(ofKey: "s:a", count: 64) != 0)
        #expect(findings.contains { $0.contains("belongs on partition") })
    }
}
