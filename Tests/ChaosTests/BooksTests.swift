import ChaosChecks
import EventLog
import Testing

/// The books must balance on an honest log and must notice every way in which one can be wrong.
struct BooksTests {
    /// One partition with a session that buys, a repetition, a tick and poison; every score where it is due.
    private static let events: [(json: String, due: Bool)] = [
        (#"{"id":"1","session":"a","type":"detail","timestamp":1700000000000}"#, true),
        (#"{"id":"2","session":"a","type":"add","timestamp":1700000000000}"#, true),
        (#"{"id":"2","session":"a","type":"add","timestamp":1700000000000}"#, false),
        (#"{"id":"1","session":"b","type":"detail","timestamp":1700000000000}"#, true),
        (#"{"id":"3","session":"a","type":"purchase","timestamp":1700000000000}"#, false),
        (#"{"id":"4","session":"a","type":"detail","timestamp":1700000000000}"#, false),
        (#"{"control":"tick"}"#, false), ("poison", false),
    ]

    private static func score(_ offset: Int, _ value: Double = 0.25) -> [UInt8] {
        Array(#"{"partition":0,"offset":\#(offset),"score":\#(value)}"#.utf8)
    }

    private static func rejected(_ offset: Int) -> [UInt8] {
        Array(#"{"partition":0,"offset":\#(offset),"reason":"no JSON"}"#.utf8)
    }

    private static func honest() -> Books {
        var books = Books(partitions: 1)
        for (offset, event) in events.enumerated() {
            books.take(event: Array(event.json.utf8), key: nil, partition: 0, offset: Int64(offset))
            if event.due { books.take(score: score(offset), partition: 0, offset: Int64(offset)) }
        }
        books.take(rejected: rejected(7))
        return books
    }

    private static let position =
        #"{"start":0,"next":8,"counters":{"scored":3,"after_purchase":2,"repeated":1,"unscored":0,"muted":0,"control":1,"rejected":1,"markers":0}}"#

    @Test func honestBooksBalance() {
        let books = Self.honest()
        #expect(books.findings(exactlyOnce: true) == [])
        #expect(books.missing == 0)
        #expect(books.stored == 8)
        #expect(books.scoreRecords == 3)
        #expect(books.compare(position: Self.position, next: 8, end: 8, partition: 0) == [])
    }

    @Test(arguments: events.indices)
    func aSecondScoreIsNoticed(offset: Int) {
        var books = Self.honest()
        books.take(score: Self.score(offset), partition: 0, offset: 100)
        #expect(books.findings(exactlyOnce: true).count == 1)
        #expect(books.findings(exactlyOnce: true).first?.contains("0/\(offset) is in two accounts") == true)
        // Without transactions the same score may come again, where one is due.
        #expect(books.findings(exactlyOnce: false).isEmpty == Self.events[offset].due)
    }

    @Test func aSecondScoreThatSaysSomethingElseIsNeverRight() {
        var books = Self.honest()
        books.take(score: Self.score(0, 0.5), partition: 0, offset: 100)
        #expect(books.findings(exactlyOnce: false) == ["0/0 has 2 scores that differ"])
    }

    @Test func aMissingScoreIsNoticed() {
        var books = Self.honest()
        books.take(
            event: Array(#"{"id":"9","session":"b","type":"detail","timestamp":1700000000000}"#.utf8), key: nil,
            partition: 0, offset: 8)
        #expect(books.missing == 1)
        #expect(books.findings(exactlyOnce: false) == ["0/8 is in no account: it has no score"])
        // While it may still come, it is not missing.
        #expect(books.findings(exactlyOnce: true, complete: false) == [])
    }

    @Test func poisonThatIsNotKeptIsNoticed() {
        var books = Self.honest()
        books.take(event: Array("more poison".utf8), key: nil, partition: 0, offset: 8)
        #expect(books.missing == 1)
        #expect(books.findings(exactlyOnce: true) == ["0/8 cannot be folded and is not kept in rejected"])
    }

    @Test func aGoodRecordInRejectedIsNoticed() {
        var books = Self.honest()
        books.take(rejected: Self.rejected(0))
        #expect(books.findings(exactlyOnce: true) == ["0/0 can be folded, but is kept in rejected"])
    }

    @Test func aScoreOfNothingIsNoticed() {
        var books = Self.honest()
        books.take(score: Self.score(70), partition: 0, offset: 100)
        #expect(books.findings(exactlyOnce: true) == ["0/70 is scored, but holds no record"])
    }

    @Test func aWrongPartitionAndAWrongKeyAreNoticed() {
        var books = Books(partitions: 64)
        let home = Partitioner.partition(ofKey: "s:a", count: 64)
        let event = Array(#"{"id":"1","session":"a","type":"detail","timestamp":1700000000000}"#.utf8)
        books.take(event: event, key: Array("s:a".utf8), partition: home, offset: 0)
        #expect(books.violations == [])
        books.take(event: event, key: Array("s:a".utf8), partition: (home + 1) % 64, offset: 0)
        #expect(books.violations.count == 1)
        books.take(event: event, key: Array("s:b".utf8), partition: home, offset: 1)
        #expect(books.violations.count == 2)
    }

    @Test func recordsOutOfOrderAreNoticed() {
        var books = Self.honest()
        books.take(event: Array(#"{"control":"tick"}"#.utf8), key: nil, partition: 0, offset: 3)
        #expect(books.findings(exactlyOnce: true).contains("0/3 was read after 7"))
    }

    /// Every counter of the position is compared.
    @Test(arguments: ["scored", "after_purchase", "repeated", "unscored", "muted", "control", "rejected", "markers"])
    func aPositionThatCountsOtherwiseIsNoticed(account: String) {
        let books = Self.honest()
        let wrong = Self.position.replacing("\"\(account)\":", with: "\"\(account)\":1")
        let findings = books.compare(position: wrong, next: 8, end: 8, partition: 0)
        #expect(findings.contains { $0.contains("\(account) 1") }, "\(findings)")
    }

    @Test func markersAreOffsetsWithoutRecord() {
        let books = Self.honest()
        #expect(books.compare(position: Self.position, next: 8, end: 9, partition: 0).count == 3)
        let later = Self.position.replacing("\"next\":8", with: "\"next\":9").replacing(
            "\"markers\":0", with: "\"markers\":1")
        #expect(books.compare(position: later, next: 9, end: 9, partition: 0) == [])
        #expect(books.compare(position: "", next: 8, end: 8, partition: 0).count == 1)
    }

    @Test func aSecondOutcomeIsNoticed() {
        var books = Self.honest()
        let outcome = Array(#"{"session":"0:0","purchased":true}"#.utf8)
        books.take(outcome: outcome, partition: 0, offset: 0)
        books.take(outcome: outcome, partition: 0, offset: 1)
        #expect(books.findings(exactlyOnce: true) == ["session 0:0 has a second outcome"])
        #expect(books.findings(exactlyOnce: false) == [])
    }
}
