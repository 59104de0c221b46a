import EventLog
import Events
import Foundation
import Logging
import Replay
import Testing

struct ReplayerTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func replay(
        _ path: String, into sink: MemorySink, name: String? = "test", mode: ReplayOptions.Mode = .replay,
        speed: ReplaySpeed = .max, keepsOpen: Bool = false, patience: Duration = .seconds(60),
        clock: SleepClock = SleepClock(), progress: @escaping @Sendable (ReplayProgress) -> Void = { _ in }
    ) async throws -> ReplayResult {
        let options = ReplayOptions(
            name: name, mode: mode, speed: speed, temporaryDirectory: directory.path, keepsOpen: keepsOpen,
            patience: patience)
        return try await Replayer(options: options, sink: sink, logger: .silent, clock: clock.clock)
            .run(.file(path), progress: progress)
    }

    // Order and numbers.

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func rowsComeInTimeOrderBrokenOnesAmongThem(seed: UInt64) async throws {
        let file = SampleFile.random(seed: seed, count: 500, sorted: seed % 5 == 0)
        let sink = MemorySink()
        let result = try await replay(try directory.write(file.text), into: sink)

        let expected = file.inOrder
        #expect(sink.rows.map(\.number) == (1...Int64(expected.count)).map { $0 })
        #expect(sink.events.map(\.id) == expected.filter(\.isGood).map { "test/\($0.line)" })
        #expect(sink.events.map(\.timestamp) == expected.filter(\.isGood).map(\.time))
        #expect(sink.rejectedLines == expected.filter { !$0.isGood }.map(\.line))
        #expect(result.counts.stored == file.goodCount)
        #expect(result.counts.rejected == file.rows.count - file.goodCount)
        #expect(result.counts.duplicates == 0)
        #expect(result.problems.map(\.line) == Array(sink.rejectedLines.prefix(10)))
        #expect(sink.batches.allSatisfy { $0 <= 7 })
        let times = file.rows.compactMap(\.time)
        #expect(result.span == (times.min() ?? 0)...(times.max() ?? 0))
        #expect(result.ended && sink.ended == 1)
    }

    @Test func anEventIsWhatTheRowSays() async throws {
        var file = SampleFile()
        file.addEvent(session: "abc", action: "add", sku: "p7", at: 5)
        let sink = MemorySink()
        let clock = SleepClock()
        _ = try await replay(try directory.write(file.text), into: sink, clock: clock)
        let event = Event(
            id: "test/2", session: "abc", kind: .add, timestamp: SampleFile.start + 5, sku: "p7")
        let record = NewRecord(
            key: "s:abc",
            value: RecordCoder.encode(event, timeline: .replay("test"), received: clock.now),
            identity: event.identity)
        #expect(sink.rows == [ReplayRow(number: 1, content: .event(record))])
    }

    @Test func aBrokenRowIsKeptWithReasonLineAndBytes() async throws {
        let path = try directory.write(SampleFile.header + "\ns,pageview,,p,soon,u\n")
        let sink = MemorySink()
        let clock = SleepClock()
        let result = try await replay(path, into: sink, clock: clock)
        let reason = try #require(result.problems.first?.reason)
        #expect(reason.contains("server_timestamp_epoch_ms"))
        #expect(result.problems == [RowProblem(line: 2, reason: reason)])
        let record = RejectedRecord(
            time: clock.now, source: "test", reason: reason, line: 2, bytes: Array("s,pageview,,p,soon,u".utf8))
        #expect(sink.rows == [ReplayRow(number: 1, content: .rejected(record))])
        #expect(result.span == nil)
    }

    @Test func equalRowsAreAllEvents() async throws {
        var file = SampleFile()
        for _ in 0..<3 { file.addEvent(at: 0) }
        let sink = MemorySink()
        let result = try await replay(try directory.write(file.text), into: sink)
        #expect(result.counts == ReplayCounts(stored: 3))
        #expect(Set(sink.events.map(\.id)).count == 3)
    }

    // Names.

    @Test func theSameContentHasTheSameNameWhereverItLies() async throws {
        let text = SampleFile.random(seed: 1, count: 20).text
        let first = try await replay(try directory.write(text, as: "a.csv"), into: MemorySink(), name: nil)
        let second = try await replay(try directory.write(text, as: "b.csv"), into: MemorySink(), name: nil)
        let other = try await replay(try directory.write(text + "\n", as: "c.csv"), into: MemorySink(), name: nil)
        #expect(first.name == second.name)
        #expect(first.name != other.name)
        #expect(first.name.utf8.count == 16)
    }

    @Test(arguments: ["", "live", String(repeating: "x", count: 41), "a\nb"])
    func whatIsNoNameIsRefusedBeforeAnythingIsRead(name: String) async throws {
        let error = await #expect(throws: ReplayError.self) {
            _ = try await replay("/nowhere.csv", into: MemorySink(), name: name)
        }
        guard case .name(name, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    // Resuming.

    @Test(arguments: 0..<30, [MemorySink.Fault.dead, .deadAfterwards])
    func aReplayThatDiesAnywhereGoesOnWhereItStopped(at append: Int, fault: MemorySink.Fault) async throws {
        let file = SampleFile.random(seed: 9, count: 200)
        let path = try directory.write(file.text)
        let undisturbed = MemorySink()
        _ = try await replay(path, into: undisturbed)

        let sink = MemorySink(faults: [append: fault])
        let dies = append < 29
        if dies {
            await #expect(throws: ReplayError.log(.closed)) { _ = try await replay(path, into: sink) }
        }
        let before = sink.rows.count
        #expect(sink.ended == 0)
        sink.heal()
        let result = try await replay(path, into: sink)
        #expect(sink.rows == undisturbed.rows)
        #expect(result.counts.duplicates == before)
        #expect(result.counts.rows == 200)
        #expect(sink.ended == 1)
    }

    @Test func aSecondReplayChangesNothingAndSaysSo() async throws {
        let file = SampleFile.random(seed: 4, count: 100)
        let path = try directory.write(file.text)
        let sink = MemorySink()
        _ = try await replay(path, into: sink)
        let rows = sink.rows
        let again = try await replay(path, into: sink)
        #expect(again.counts == ReplayCounts(duplicates: 100))
        #expect(again.problems.isEmpty)
        #expect(again.ended)
        #expect(sink.rows == rows)
    }

    @Test func anotherFileUnderAKnownNameIsRefusedWhereItIsShorter() async throws {
        let sink = MemorySink()
        _ = try await replay(try directory.write(SampleFile.random(seed: 1, count: 50).text), into: sink)
        let other = try directory.write(SampleFile.random(seed: 2, count: 49).text)
        await #expect(throws: ReplayError.otherFile(name: "test", lastRow: 50, rows: 49)) {
            _ = try await replay(other, into: sink)
        }
    }

    @Test func aFileThatHasGrownGoesOnWithItsNewRows() async throws {
        var file = SampleFile.random(seed: 1, count: 50)
        let sink = MemorySink()
        _ = try await replay(try directory.write(file.text), into: sink, keepsOpen: true)
        #expect(sink.ended == 0)
        file.addEvent(at: 90_000_000)
        let result = try await replay(try directory.write(file.text), into: sink)
        #expect(result.counts == ReplayCounts(stored: 1, duplicates: 50))
        #expect(result.ended && sink.ended == 1)
    }

    // Trouble on the way.

    @Test func aFullLogIsWaitedFor() async throws {
        let file = SampleFile.random(seed: 3, count: 50)
        let sink = MemorySink(faults: [1: .busy, 2: .busy, 4: .busy])
        let clock = SleepClock()
        let result = try await replay(try directory.write(file.text), into: sink, clock: clock)
        #expect(result.counts.stored == file.goodCount)
        #expect(result.retries == 3)
        #expect(clock.sleeps == [.seconds(3), .seconds(3), .seconds(3)])
    }

    @Test(arguments: [MemorySink.Fault.unanswered, .answerLost])
    func rowsWhoseAnswerWasLostAreCountedAsWhatTheyAre(fault: MemorySink.Fault) async throws {
        let file = SampleFile.random(seed: 3, count: 50)
        let sink = MemorySink(faults: [1: fault, 2: fault, 5: fault])
        let result = try await replay(try directory.write(file.text), into: sink)
        #expect(result.counts == ReplayCounts(stored: file.goodCount, rejected: 50 - file.goodCount))
        #expect(sink.rows.count == 50)
    }

    @Test func patienceEnds() async throws {
        var faults: [Int: MemorySink.Fault] = [:]
        for append in 1..<100 { faults[append] = .busy }
        let sink = MemorySink(faults: faults)
        let clock = SleepClock()
        let path = try directory.write(SampleFile.random(seed: 3, count: 50).text)
        await #expect(throws: ReplayError.stalled(reason: "full", after: .seconds(30))) {
            _ = try await replay(path, into: sink, patience: .seconds(30), clock: clock)
        }
        #expect(sink.rows.count == 7)
    }

    @Test func patienceBeginsAnewWithEveryRowThatGetsThrough() async throws {
        var faults: [Int: MemorySink.Fault] = [:]
        for append in 0..<100 where append % 3 != 2 { faults[append] = .busy }
        let sink = MemorySink(faults: faults)
        let path = try directory.write(SampleFile.random(seed: 3, count: 100).text)
        let result = try await replay(path, into: sink, patience: .seconds(7))
        #expect(result.counts.rows == 100)
    }

    @Test func aCancelledReplaySaysSoAndLeavesNothing() async throws {
        let path = try directory.write(SampleFile.random(seed: 3, count: 2_000).text)
        let sink = MemorySink()
        let task = Task {
            try await replay(path, into: sink) { progress in
                if progress.phase == .sending, progress.done >= 700 { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        await #expect(throws: ReplayError.cancelled) { _ = try await task.value }
        #expect(sink.rows.count >= 700 && sink.rows.count < 2_000)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["events.csv"])
        let result = try await replay(path, into: sink)
        #expect(result.counts.rows == 2_000)
    }

    // Pace.

    @Test func rowsAreSentWhenTheyAreDue() async throws {
        var file = SampleFile()
        for time in [0, 0, 1_000, 61_000, 61_000, 61_500] as [Int64] { file.addEvent(at: time) }
        let sink = MemorySink()
        let clock = SleepClock()
        _ = try await replay(try directory.write(file.text), into: sink, speed: .times(2), clock: clock)
        #expect(sink.batches == [2, 1, 2, 1])
        #expect(clock.sleeps == [.milliseconds(500), .milliseconds(30_000), .milliseconds(250)])
    }

    @Test func aResumedReplayDoesNotWaitForWhatIsBehind() async throws {
        var file = SampleFile()
        for hour in 0..<10 as Range<Int64> { file.addEvent(at: hour * 3_600_000) }
        let path = try directory.write(file.text)
        let sink = MemorySink(rows: 4, faults: [1: .dead])
        await #expect(throws: ReplayError.self) { _ = try await replay(path, into: sink) }
        #expect(sink.rows.count == 4)
        sink.heal()
        let clock = SleepClock()
        _ = try await replay(path, into: sink, speed: .times(3_600), clock: clock)
        #expect(clock.sleeps == Array(repeating: .seconds(1), count: 5))
    }

    // Live.

    @Test func liveRowsHappenNowAndAsLongAfterEachOtherAsTheyAreSent() async throws {
        var file = SampleFile()
        for time in [20_000, 0, 1_000] as [Int64] { file.addEvent(at: time) }
        let sink = MemorySink()
        let clock = SleepClock(now: 1_700_000_000_000)
        let result = try await replay(
            try directory.write(file.text), into: sink, mode: .live, speed: .times(10), clock: clock)
        #expect(sink.events.map(\.timestamp) == [1_700_000_000_000, 1_700_000_000_100, 1_700_000_002_000])
        #expect(sink.events.map(\.id) == ["test/3", "test/4", "test/2"])
        guard case .event(let record)? = sink.rows.first?.content else {
            Issue.record("no event")
            return
        }
        #expect(!String(decoding: record.value, as: UTF8.self).contains("timeline"))
        #expect(result.counts == ReplayCounts(stored: 3))
        #expect(!result.ended && sink.ended == 0)
    }

    @Test func liveRowsThatAreSentAgainAreRecognised() async throws {
        let file = SampleFile.random(seed: 3, count: 100, broken: false)
        let path = try directory.write(file.text)
        let sink = MemorySink(faults: [3: .dead])
        await #expect(throws: ReplayError.self) { _ = try await replay(path, into: sink, mode: .live) }
        sink.heal()
        let result = try await replay(path, into: sink, mode: .live)
        #expect(result.counts == ReplayCounts(stored: 79, duplicates: 21))
        #expect(Set(sink.events.map(\.id)).count == 100)
    }

    @Test func liveRowsThatFindNoRoomAreSentAgain() async throws {
        let file = SampleFile.random(seed: 3, count: 60)
        let sink = MemorySink(room: [0: 3, 1: 0, 2: 1])
        let clock = SleepClock()
        let result = try await replay(try directory.write(file.text), into: sink, mode: .live, clock: clock)
        #expect(result.counts == ReplayCounts(stored: file.goodCount, rejected: 60 - file.goodCount))
        #expect(result.retries == 3)
        let expected = file.inOrder
        #expect(sink.events.map(\.id) == expected.filter(\.isGood).map { "test/\($0.line)" })
    }

    // Progress.

    @Test func progressTellsEveryPhaseAndNeverGoesBack() async throws {
        let file = SampleFile.random(seed: 3, count: 100)
        let seen = Recorder<ReplayProgress>()
        _ = try await replay(try directory.write(file.text), into: MemorySink()) { seen.add($0) }
        let reading = seen.all.filter { $0.phase == .reading }
        #expect(reading.last?.done == Int64(file.text.utf8.count))
        #expect(reading.allSatisfy { $0.total == Int64(file.text.utf8.count) })
        let sending = seen.all.filter { $0.phase == .sending }
        #expect(sending.last?.done == 100 && sending.last?.total == 100)
        #expect(sending.map(\.done) == sending.map(\.done).sorted())
    }
}
