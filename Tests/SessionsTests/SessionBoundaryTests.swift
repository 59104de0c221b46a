import Events
import Sessions
import Testing

/// Where sessions begin and end.
struct SessionBoundaryTests {
    private let gap = FoldParameters.standard.idleGap_ms

    /// Exactly 30:00 stays, one millisecond more closes.
    @Test(arguments: [30 * 60_000, 30 * 60_000 + 1] as [Int64])
    func theGapEndsASessionOnceItIsPassed(silence: Int64) {
        let closes = silence > gap
        let time = base + silence
        // Closed by its own next event, another session's, or a tick.
        for record in [live(1, "S", at: time), live(1, "T", at: time), tick(1, at: time)] {
            var fold = SessionFold()
            fold.fold(live(0, "S", at: base))
            let happening = fold.fold(record)
            #expect(happening.closed.map(\.summary.firstOffset) == (closes ? [0] : []))
            #expect(happening.closed.allSatisfy { $0.closing == .silence && $0.closedAt == 1 })
        }
        var fold = SessionFold()
        fold.fold(live(0, "S", at: base))
        #expect(fold.fold(live(1, "S", at: time)).outcome == (closes ? "step of 1" : "step of 0"))
        // A replay's clock is its events' own time.
        var replay = SessionFold()
        replay.fold(replayed(0, "S", at: base, on: "r"))
        #expect(replay.fold(replayed(1, "S", at: time, on: "r")).outcome == (closes ? "step of 1" : "step of 0"))
        #expect(replay.fold(replayed(2, "T", at: time + silence, on: "r")).closed.count == (closes ? 1 : 0))
    }

    @Test func everyRecordIsActivityARepeatedOneToo() {
        var fold = SessionFold()
        let happenings = fold.fold([
            live(0, "S", at: base, id: "x"), live(1, "S", at: base + gap, id: "x"), tick(2, at: base + gap + 1),
            tick(3, at: base + 2 * gap), tick(4, at: base + 2 * gap + 1),
        ])
        #expect(happenings.map(\.outcome) == ["step of 0", "repeated of 0", "control", "control", "control"])
        #expect(happenings.map(\.closed.count) == [0, 0, 0, 0, 1])
        #expect(happenings[4].closed[0].summary.records == 2)
        #expect(happenings[4].closed[0].summary.steps.count == 1)
    }

    @Test func everyIDOfASessionIsRemembered() {
        var fold = SessionFold()
        let ids = (0..<20).map { "x\($0)" }
        let first = fold.fold(ids.enumerated().map { live(Int64($0), "S", at: base, id: $1) })
        let second = fold.fold(ids.enumerated().map { live(Int64(20 + $0), "S", at: base, id: $1) })
        #expect(first.map(\.outcome) == Array(repeating: "step of 0", count: 20))
        #expect(second.map(\.outcome) == Array(repeating: "repeated of 0", count: 20))
    }

    @Test func aSilentSessionClosesWithoutAnotherEvent() {
        var fold = SessionFold()
        fold.fold(live(0, "S", at: base))
        #expect(fold.liveSilenceBegins == base + gap)
        #expect(fold.fold(tick(1, at: base + gap + 1)).closed.map(\.summary.key) == ["s:S"])
        #expect(fold.liveSilenceBegins == nil)
        #expect(fold.openSessions == 0)
    }

    @Test func aLateTickChangesNothing() {
        var fold = SessionFold()
        #expect(fold.fold(tick(0, at: base + 5 * gap)) == Happening(outcome: "control"))
        #expect(fold.clock(of: .live) == nil)
        fold.fold(live(1, "S", at: base + gap))
        #expect(fold.fold(tick(2, at: base)) == Happening(outcome: "control"))
        #expect(fold.clock(of: .live) == base + gap)
        fold.fold(replayed(3, "S", at: base, on: "r"))
        #expect(fold.fold(tick(4, at: base + 9 * gap)).closed.map(\.summary.timeline) == [.live])
    }

    /// The events' own time decides nothing for live sessions.
    @Test func ownTimesNeverCloseALiveSession() {
        var fold = SessionFold()
        let happenings = fold.fold([
            live(0, "S", at: base, own: base - 10 * gap), live(1, "S", at: base + 1, own: base + 10 * gap),
            live(2, "S", at: base + 2, own: base - 20 * gap),
        ])
        #expect(happenings.map(\.outcome) == ["step of 0", "step of 0", "step of 0"])
        #expect(fold.sessionCounters.outOfOrder == 1)
    }

    /// The clock is a running maximum: a record that came with an earlier time stands at the clock.
    @Test func theClockNeverGoesBack() {
        var fold = SessionFold()
        fold.fold([live(0, "S", at: base + 1_000), live(1, "T", at: base)])
        #expect(fold.clock(of: .live) == base + 1_000)
        #expect(fold.fold(tick(2, at: base + gap + 1_000)).closed.isEmpty)
        #expect(fold.fold(tick(3, at: base + gap + 1_001)).closed.map(\.summary.key) == ["s:S", "s:T"])
    }

    @Test func timelinesNeverMerge() {
        var fold = SessionFold()
        let happenings = fold.fold([
            live(0, "S", at: base, id: "x"), replayed(1, "S", at: base, on: "one", id: "x"),
            replayed(2, "S", at: base, on: "two", id: "x"), live(3, "S", at: base, id: "x"),
            replayed(4, "S", at: base, on: "two", id: "y"), end(5, of: "two"),
            replayed(6, "S", at: base, on: "two", id: "x"),
        ])
        #expect(
            happenings.map(\.outcome) == [
                "step of 0", "step of 1", "step of 2", "repeated of 0", "step of 2", "control", "step of 6",
            ])
        #expect(happenings[5].closed.map(\.closing) == [.end])
        #expect(fold.openSessions == 3)
    }

    @Test func anEndMarkClosesItsReplayOnly() {
        var fold = SessionFold()
        fold.fold([
            live(0, "S", at: base), replayed(1, "S", at: base, on: "r"), replayed(2, "T", at: base + 1, on: "r"),
        ])
        #expect(fold.fold(end(3, of: "other")) == Happening(outcome: "control"))
        let happening = fold.fold(end(4, of: "r"))
        #expect(happening.closed.map(\.summary.firstOffset) == [1, 2])
        #expect(fold.clock(of: .replay("r")) == nil)
        #expect(fold.clock(of: .live) == base)
        #expect(fold.fold(end(5, of: "r")) == Happening(outcome: "control"))
    }

    @Test func replaysBeyondTheLimitAreRejected() {
        var fold = SessionFold(parameters: small)
        let happenings = fold.fold([
            replayed(0, "S", at: base, on: "1"), replayed(1, "S", at: base, on: "2"),
            replayed(2, "S", at: base, on: "3"),
            live(3, "S", at: base), end(4, of: "1"), replayed(5, "S", at: base, on: "3"),
        ])
        #expect(happenings[2].outcome == "rejected: tooManyReplays")
        #expect(happenings.map(\.outcome).count { $0.hasPrefix("step") } == 4)
        #expect(fold.counters.rejected == 1)
    }

    /// To Swift's strings the two are equal; to the log they are two keys.
    @Test func keysAreComparedByteByByte() {
        var fold = SessionFold()
        #expect(
            fold.fold([live(0, "é", at: base), live(1, "e\u{301}", at: base)]).map(\.outcome) == [
                "step of 0", "step of 1",
            ])
        #expect(fold.slot(of: "s:é", on: .live) != fold.slot(of: "s:e\u{301}", on: .live))
    }

    @Test func aVisitorWithASessionIsAnotherKeyThanWithout() {
        var fold = SessionFold()
        for (offset, session) in [(0, "A"), (1, nil), (2, "A")] as [(Int64, String?)] {
            let event = Event(id: "\(offset)", session: session, visitor: "V", kind: .detail, timestamp: base)
            fold.fold(Record(offset: offset, time: base, entry: .event(event, timeline: .live)))
        }
        #expect(fold.openSessions == 2)
        #expect(fold.slot(of: "s:A", on: .live).map { fold[$0].records } == 2)
        #expect(fold.slot(of: "v:V", on: .live).map { fold[$0].records } == 1)
    }

    @Test func slotsAreReused() {
        var fold = SessionFold()
        for round in 0..<100 as Range<Int64> {
            fold.fold([
                live(2 * round, "S\(round)", at: base + 2 * round * gap),
                live(2 * round + 1, "T\(round)", at: base + 2 * round * gap),
            ])
        }
        #expect(fold.slotCount == 2)
        #expect(fold.sessionCounters.closed == 198)
    }
}
