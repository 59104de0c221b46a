import Replay
import Testing

struct PacingTests {
    @Test func rowsAreDueAsLongAfterTheFirstAsTheSpeedSays() {
        var pacing = Pacing(.times(100))
        #expect(pacing.due(5_000, now: 70) == 70)
        #expect(pacing.due(5_000, now: 900) == 70)
        #expect(pacing.due(15_000, now: 900) == 170)
        #expect(pacing.due(3_605_000, now: 0) == 36_070)
    }

    @Test func atFullSpeedEveryRowIsDueNow() {
        var pacing = Pacing(.max)
        #expect(pacing.due(5_000, now: 70) == 70)
        #expect(pacing.due(9_000_000, now: 71) == 71)
    }

    @Test func rowsBeforeAllTimeAreDueNowAndStartNothing() {
        var pacing = Pacing(.times(1))
        #expect(pacing.due(TimedRow.beforeAll, now: 10) == 10)
        #expect(pacing.due(1_000, now: 20) == 20)
        #expect(pacing.due(1_500, now: 21) == 520)
    }

    @Test func aSpeedNextToNothingDoesNotOverflow() {
        var pacing = Pacing(.times(.leastNonzeroMagnitude))
        _ = pacing.due(0, now: 1_700_000_000_000)
        #expect(pacing.due(4_102_444_800_000, now: 0) > 4_102_444_800_000)
    }

    @Test(arguments: [
        ("1", ReplaySpeed.times(1)), ("100x", .times(100)), ("0.5x", .times(0.5)), ("1e3x", .times(1_000)),
        ("max", .max),
    ])
    func speedsAreRead(text: String, speed: ReplaySpeed) {
        #expect(ReplaySpeed(text) == speed)
        #expect(ReplaySpeed(speed.description) == speed)
    }

    @Test(arguments: [
        "", "x", "e", ".", "0", "0x", "-1", "+1", "nan", "inf", "infx", "1xx", "1 x", "MAX", "fast", "1e999", "0x10",
    ])
    func whatIsNoSpeedIsRefused(text: String) {
        #expect(ReplaySpeed(text) == nil)
    }
}
