import Events
import Sessions
import Testing

/// Sessions past the limits: counted, not scored, and no burden to a restart.
struct MutingTests {
    @Test func aSessionIsMutedByItsRecords() {
        var fold = SessionFold(parameters: small)
        let happenings = fold.fold((0..<8).map { live($0, "S", at: base, id: $0 == 3 ? "e2" : nil) })
        #expect(
            happenings.map(\.outcome)
                == ["step of 0", "step of 0", "step of 0", "repeated of 0", "step of 0", "step of 0", "muted", "muted"])
        #expect(happenings[6].closed.map(\.closing) == [.muted])
        #expect(happenings[6].closed.map(\.summary.records) == [6])
        #expect(fold.openSessions == 0)
        #expect(fold.counters.muted == 2)
        #expect(fold.sessionCounters.muted == 1)
        #expect(fold.sessionCounters.closed == 0)
    }

    @Test func aSessionIsMutedByItsDuration() {
        var fold = SessionFold(parameters: small)
        let happenings = fold.fold([0, 30, 60, 90, 100, 101].enumerated().map { live(Int64($0), "S", at: base + $1) })
        #expect(happenings.map(\.outcome) == Array(repeating: "step of 0", count: 5) + ["muted"])
    }

    @Test func theStandardLimitsAreFiveThousandRecordsAndADay() {
        var fold = SessionFold()
        let happenings = fold.fold((0...5_000).map { live($0, "S", at: base + $0) })
        #expect(happenings[4_999].outcome == "step of 0")
        #expect(happenings[5_000].outcome == "muted")
        let halfHour = FoldParameters.standard.idleGap_ms
        var day = SessionFold()
        for step in 0...48 as ClosedRange<Int64> {
            #expect(day.fold(live(step, "S", at: base + step * halfHour)).outcome == "step of 0")
        }
        #expect(day.fold(live(49, "S", at: base + 48 * halfHour + 1)).outcome == "muted")
    }

    @Test func aMutedKeyStaysMutedUntilItFallsSilent() {
        var fold = SessionFold(parameters: small)
        fold.fold((0..<7).map { live($0, "S", at: base) })
        #expect(fold.fold(live(7, "S", at: base + 30)).outcome == "muted")
        #expect(fold.fold(live(8, "S", at: base + 60)).outcome == "muted")
        #expect(fold.fold(replayed(9, "S", at: base, on: "r")).outcome == "step of 9")
        #expect(fold.fold(live(10, "S", at: base + 91)).outcome == "step of 10")
    }

    @Test func anEndMarkForgetsTheMutedOfItsReplay() {
        var fold = SessionFold(parameters: small)
        fold.fold((0..<7).map { replayed($0, "S", at: base, on: "r") })
        #expect(fold.fold(replayed(7, "S", at: base, on: "r")).outcome == "muted")
        fold.fold(end(8, of: "r"))
        #expect(fold.fold(replayed(9, "S", at: base, on: "r")).outcome == "step of 9")
    }

    @Test func mutedKeysDoNotHoldTheLowWater() throws {
        var fold = SessionFold(parameters: small)
        let log = (0..<7).map { live($0, "S", at: base) } + [live(7, "T", at: base), live(8, "S", at: base)]
        fold.fold(log)
        #expect(fold.position().lowWaterOffset == 7)
        #expect(fold.position().muted.map(\.firstOffset) == [0])
        var again = try fold.restarted(on: log)
        #expect(again.openSessions == 1)
        #expect(again.fold(live(9, "S", at: base + 30)).outcome == "muted")
        #expect(again.fold(live(10, "S", at: base + 61)).outcome == "step of 10")
    }

    /// Robots by the hundred: as many as fit travel in the position, the others hold the low-water.
    @Test func moreMutedSessionsThanAPositionHoldsAreFoldedAgain() throws {
        let parameters = FoldParameters(idleGap_ms: 1_000, maxRecords: 1, maxDuration_ms: 100, maxReplays: 2)
        var fold = SessionFold(parameters: parameters)
        var log: [Record] = []
        for robot in 0..<400 as Range<Int64> {
            for _ in 0..<2 {
                log.append(live(Int64(log.count), "robot \(robot)", at: base + robot))
                fold.fold(log[log.count - 1])
            }
            let position = fold.position()
            #expect(position.encoded().utf8.count <= Position.maxBytes)
            #expect(position.muted.count <= Position.maxMuted)
            #expect(position.muted.count == Int(robot) + 1 || position.lowWaterOffset < position.next)
        }
        let position = fold.position()
        #expect((50..<400).contains(position.muted.count))
        #expect(position.lowWaterOffset == Int64(2 * position.muted.count))
        // Both know of every robot when it was last active: by now the first two hundred have fallen silent.
        var again = try fold.restarted(on: log)
        for robot in 0..<400 as Range<Int64> {
            let record = live(800 + robot, "robot \(robot)", at: base + 1_200)
            let happening = again.fold(record)
            #expect(happening == fold.fold(record))
            #expect(happening.outcome == (robot < 200 ? "step of \(800 + robot)" : "muted"))
        }
        #expect(again.position() == fold.position())
    }
}
