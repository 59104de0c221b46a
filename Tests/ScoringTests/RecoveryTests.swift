import EventLog
import Scoring
import Testing

/// What is done about each error, without a consumer.
struct RecoveryTests {
    private let now = ContinuousClock.now

    @Test func eachErrorHasItsAnswer() {
        var recovery = Recovery(maxRejoins: 5, delay: .seconds(1))
        let answers: [(EventLogError, Recovery.Action)] = [
            (.partitionsLost("others"), .drop), (.mustRejoin("generation"), .rejoin(after: .seconds(1))),
            (.fenced("same name"), .end), (.unusable("no access"), .end), (.failed("disk"), .end), (.closed, .end),
            (.overloaded(retryAfter_s: 1), .end), (.tooLarge(bytes: 2, limit: 1), .end),
            (.replayGap(name: "r", expected: 1, got: 2), .end),
        ]
        for (error, expected) in answers { #expect(recovery.action(error, at: now) == expected, "\(error)") }
    }

    @Test func joiningAnewIsTriedLessAndLessOftenAndThenNoMore() {
        var recovery = Recovery(maxRejoins: 3, delay: .seconds(1))
        let actions = (0..<4).map { _ in recovery.action(.mustRejoin("fatal"), at: now) }
        #expect(
            actions == [.rejoin(after: .seconds(1)), .rejoin(after: .seconds(2)), .rejoin(after: .seconds(4)), .end])
        // Losing partitions is the group's daily business.
        for _ in 0..<99 { #expect(recovery.action(.partitionsLost("others"), at: now) == .drop) }
    }

    @Test func aCommitOrAQuietWhileEndsTheRow() {
        var recovery = Recovery(maxRejoins: 1, delay: .seconds(1))
        let first = Recovery.Action.rejoin(after: .seconds(1))
        #expect(recovery.action(.mustRejoin("fatal"), at: now) == first)
        recovery.committed()
        #expect(recovery.action(.mustRejoin("fatal"), at: now) == first)
        #expect(recovery.action(.mustRejoin("fatal"), at: now + .seconds(599)) == .end)
        #expect(recovery.action(.mustRejoin("fatal"), at: now + .seconds(601)) == first)
    }
}
