import Events
import Sessions
import Testing

/// The position: small, readable, and refused where it cannot be one.
struct PositionTests {
    @Test func aPositionIsReadable() {
        var fold = SessionFold(start: 10)
        fold.fold([
            live(10, "S", at: base), live(12, "T", at: base + 5, .purchase),
            replayed(13, "S", at: base, on: "a \"1\""),
        ])
        #expect(
            fold.position().encoded() == """
                {"counters":{"after_purchase":1,"control":0,"markers":1,"muted":0,"rejected":0,"repeated":0,"scored":2,"unscored":0},\
                "fold":"v1/gap=1800000/records=5000/duration=86400000/replays=12","low":10,"muted":"","next":14,\
                "sessions":{"bots":0,"closed":0,"muted":0,"opened":3,"out_of_order":0,"purchased":0,"truncated":0,"with_add":0},"start":10,\
                "timelines":[{"clock":1570000000000,"clock_at_low":1570000000000,"low":13,"name":"a \\"1\\""},\
                {"clock":1570000000005,"clock_at_low":1570000000000,"low":10,"name":"live"}],"truncated_before":0,"v":1}
                """)
    }

    @Test func aPositionBeforeTheFirstRecordIsEmpty() throws {
        let position = Position(start: 7)
        #expect(position.lowWaterOffset == 7)
        #expect(try Position(decoding: position.encoded()) == position)
        #expect(try SessionFold(resuming: position).nextOffset == 7)
        #expect(SessionFold(start: 7).position() == position)
    }

    /// The longest names that the log takes, written with escapes, and the largest numbers.
    @Test func theLargestPositionFits() throws {
        let parameters = FoldParameters(
            idleGap_ms: 1 << 50, maxRecords: 1, maxDuration_ms: 1 << 50, maxReplays: FoldParameters.replayLimit)
        let start: Int64 = 1 << 54
        var fold = SessionFold(start: start, parameters: parameters)
        var log: [Record] = []
        func append(_ record: Record) {
            var record = record
            record.offset = start + Int64(log.count) * (1 << 44)
            log.append(record)
            fold.fold(record)
        }
        for replay in 10..<10 + parameters.maxReplays {
            let name = "\(replay)" + String(repeating: "\"", count: EventLimits.timelineBytes - 2)
            for robot in 0..<40 {
                for _ in 0..<2 { append(replayed(0, "robot \(robot)", at: EventLimits.latestTimestamp, on: name)) }
            }
        }
        for robot in 0..<40 { for _ in 0..<2 { append(live(0, "robot \(robot)", at: EventLimits.latestTimestamp)) } }
        let position = fold.position()
        #expect(position.timelines.count == 13)
        #expect(position.encoded().utf8.count <= Position.maxBytes)
        #expect(try Position(decoding: position.encoded()) == position)
        let again = try fold.restarted(on: log)
        #expect(again.position() == position)
    }

    /// Positions that were committed before machines were counted.
    @Test func aPositionWithoutCountsOfMachinesIsRead() throws {
        let position = SessionFold(parameters: small).position()
        let earlier = position.encoded().replacing(#""bots":0,"#, with: "")
        #expect(earlier != position.encoded())
        #expect(try Position(decoding: earlier) == position)
    }

    @Test func anotherFoldsPositionIsRefused() throws {
        let position = SessionFold(parameters: small).position()
        let error = #expect(throws: PositionError.self) { try SessionFold(resuming: position) }
        #expect(
            error
                == .foreignDigest(
                    committed: "v1/gap=30/records=6/duration=100/replays=2",
                    own: "v1/gap=1800000/records=5000/duration=86400000/replays=12"))
        #expect(error?.description.contains("score the log again from its start into an empty scores file") == true)
    }

    /// Files that were mixed up: nothing the fold could make of it would be true.
    @Test func aPositionOfAnotherLogStopsTheProgramWithWords() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            var fold = SessionFold()
            fold.fold([live(0, "S", at: base), live(1, "S", at: base + 1)])
            var again = try SessionFold(resuming: fold.position())
            again.fold([live(0, "S", at: base), live(1, "S", at: base + 2)])
        }
        let words = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(words.contains("the committed position and the events log do not belong together"))
    }

    /// Retention has passed the low-water: what is folded again may lack its beginning, and says so to its end, however
    /// often the program restarts.
    @Test func sessionsThatLostTheirBeginningAreFlagged() throws {
        var fold = SessionFold(parameters: small)
        let log = [
            live(0, "S", at: base), live(1, "T", at: base + 1), live(2, "S", at: base + 2), live(3, "S", at: base + 3),
        ]
        fold.fold(log)
        var again = try fold.restarted(on: log, logStart: 2)
        #expect(again.slot(of: "s:S", on: .live).map { again[$0].truncated } == true)
        #expect(again.slot(of: "s:S", on: .live).map { again[$0].firstOffset } == 2)
        #expect(again.slot(of: "s:T", on: .live) == nil)
        again.fold(live(4, "U", at: base + 4))
        var twice = try again.restarted(on: log + [live(4, "U", at: base + 4)], logStart: 2)
        #expect(State(twice) == State(again))
        let closed = twice.fold(tick(5, at: base + 100)).closed
        #expect(closed.map(\.summary.truncated) == [true, false])
        #expect(twice.sessionCounters.truncated == 1)
        #expect(twice.counters.total == 6)
    }

    /// All that was open is gone; the offsets that nobody folded are accounted for.
    @Test func aLogThatBeginsBehindThePositionIsTakenUpAtItsStart() throws {
        var fold = SessionFold(parameters: small)
        fold.fold([live(0, "S", at: base), live(1, "S", at: base + 1)])
        var again = try SessionFold(resuming: fold.position(), logStart: 10, parameters: small)
        #expect(!again.isResuming)
        #expect(again.fold(live(10, "S", at: base + 2)).outcome == "step of 10")
        #expect(again.counters.markers == 8)
        #expect(again.counters.total == again.nextOffset)
    }

    @Test(arguments: [
        ("", "unreadable"), ("{}", "unreadable"), ("null", "unreadable"),
        (#""v":1"#, #""v":2"#), (#""start":0"#, #""start":4"#), (#""start":0"#, #""start":-1"#),
        (#""next":3"#, #""next":9223372036854775807"#), (#""next":3"#, #""next":-3"#),
        (#""scored":3"#, #""scored":4"#), (#""scored":3,"#, ""), (#""scored":3"#, #""scored":-3"#),
        (#""low":1,"name""#, #""low":4,"name""#), (#""low":1,"name""#, #""low":-1,"name""#),
        (#""clock":1570000000002"#, #""clock":1569999999999"#),
        (#""clock":1570000000002"#, #""clock":9223372036854775807"#),
        (#""clock_at_low":1570000000001"#, #""clock_at_low":-9223372036854775808"#),
        (#""timelines":[{"#, #""timelines":[{"clock":1,"clock_at_low":1,"low":3,"name":"live"},{"#),
        (#""truncated_before":0"#, #""truncated_before":-1"#), (#""truncated_before":0"#, #""truncated_before":4"#),
        (#""muted":"""#, #""muted":"AA==""#), (#""muted":"""#, #""muted":"?""#),
        (#""muted":"""#, #""muted":"BQEAAAAAAAAAAgAA""#), (#""muted":"""#, #""muted":"AAEAAAAAAAAAAAAA""#),
        (#""muted":"""#, #""muted":"AAEAAAAAAAAABAAA""#), (#""muted":"""#, #""muted":"AAEAAAAAAAAA//////////8BAAA=""#),
        (#""muted":"""#, #""muted":"AAEAAAAAAAAAAQAAAAEAAAAAAAAAAQAA""#),
    ])
    func whatCannotBeAPositionIsRefused(replaced: String, by broken: String) {
        var fold = SessionFold()
        fold.fold([live(0, "S", at: base - 9_000_000), live(1, "T", at: base + 1), live(2, "T", at: base + 2)])
        let text = fold.position().encoded()
        if broken != "unreadable" { #expect(text.contains(replaced), "the test's own premise: \(text)") }
        let spoilt = broken == "unreadable" ? replaced : text.replacing(replaced, with: broken)
        let error = #expect(throws: PositionError.self) { try Position(decoding: spoilt) }
        #expect(error?.description.hasPrefix("the committed position cannot be read: ") == true)
    }

    @Test(arguments: 1...8) func spoiltPositionsAreRefusedOrHarmless(seed: Int) throws {
        var random = SeededGenerator(seed: seed)
        let log = RandomLog().records(200, &random)
        var fold = SessionFold(start: log[0].offset, parameters: small)
        let texts = log.map { record in
            fold.fold(record)
            return fold.position().encoded()
        }
        for round in 0..<1_500 {
            var bytes = Array(random.one(of: texts).utf8)
            for _ in 0...random.below(3) {
                let place = random.below(bytes.count)
                switch random.below(4) {
                case 0: bytes[place] = random.one(of: Array("0123456789-{}[],:\"AZaz/+=.e".utf8))
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(random.one(of: Array("0123456789-".utf8)), at: place)
                default: bytes[place] = UInt8(random.below(256))
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            guard let position = try? Position(decoding: text) else { continue }
            #expect(try Position(decoding: position.encoded()) == position, "seed \(seed), round \(round): \(text)")
            // Wherever it says the log stands, a fold can begin there.
            if position.digest == small.digest {
                let resumed = try SessionFold(resuming: position, logStart: position.next, parameters: small)
                #expect(resumed.nextOffset == position.next && !resumed.isResuming)
            }
        }
    }
}
