import EventLog
import SpooledLog
import Testing

/// What happens to an append while the log behind the spool comes and goes.
struct SpoolingTests {
    @Test func aLogThatIsWellIsAskedAndNothingIsSpooled() async throws {
        let directory = try TemporaryDirectory()
        let broker = Broker()
        let log = try await directory.open(over: broker)
        #expect(try await log.append([record(1)]) == [.stored(Location(partition: 0, offset: 0))])
        try await log.reject([rejected(1)])
        #expect(log.durability == .broker)
        #expect(log.status == SpoolStatus(records: 0, bytes: 0, oldest_s: nil, drained: 0, refused: 0))
        #expect(try directory.segments().isEmpty)
        await log.close()
    }

    @Test func whatTheLogDoesNotTakeIsSpooledAndWhatFollowsGoesBehindIt() async throws {
        let directory = try TemporaryDirectory()
        let broker = Broker(.down)
        let log = try await directory.open(over: broker)
        #expect(try await log.append([record(1), record(2)]) == [.spooled, .spooled])
        // The log is back, but the drainer, which has just tried, rests: the next ones must not overtake.
        try await broker.wasAsked(2)
        broker.set(.up)
        #expect(try await log.append([record(3)]) == [.spooled])
        try await log.reject([rejected(4)])
        #expect(log.status.records == 4)
        #expect(log.status.oldest_s == 0)
        await log.close()

        let again = Broker()
        let restarted = try await directory.open(over: again)
        await again.has(4)
        #expect(again.stored == [record(1), record(2), record(3)])
        #expect(again.kept == [rejected(4)])
        await restarted.close()
        // Drained to the end, nothing is left for another start.
        let last = Broker()
        let empty = try await directory.open(over: last)
        #expect(empty.status.records == 0)
        #expect(try await empty.append([record(5)]) == [.stored(Location(partition: 0, offset: 0))])
        #expect(try directory.segments().isEmpty)
        await empty.close()
    }

    @Test func oneSendersOrderIsKeptWhileTheLogComesAndGoes() async throws {
        let directory = try TemporaryDirectory()
        let broker = Broker()
        var settings = directory.eager()
        settings.batchRecords = 7
        settings.segmentBytes = 2_000
        let log = try await directory.open(over: broker, settings)
        let count = 2_000
        let modes: [Broker.Mode] = [.down, .up, .mute, .breaking(after: 3), .overloaded]
        for number in 0..<count {
            if number % 50 == 0 { broker.set(modes[number / 50 % modes.count]) }
            do {
                _ = try await log.append([record(number)])
            } catch {
                // Only a log that is asked says so.
                #expect(error == .overloaded(retryAfter_s: 1))
                broker.set(.up)
                _ = try await log.append([record(number)])
            }
        }
        broker.set(.up)
        try await drained(log)
        // Some came twice, each for the first time in its place.
        var seen: Set<UInt64> = []
        let firsts = broker.stored.filter { seen.insert($0.identity).inserted }
        #expect(firsts == (0..<count).map { record($0) })
        #expect(log.status.drained > 0)
        await log.close()
    }

    @Test func whatTheLogRefusesInHealthIsNotSpooled() async throws {
        let directory = try TemporaryDirectory()
        let broker = Broker(.overloaded)
        let log = try await directory.open(over: broker)
        await #expect(throws: EventLogError.overloaded(retryAfter_s: 1)) { try await log.append([record(1)]) }
        broker.set(.up)
        broker.set(limit: 100, named: true)
        await #expect(throws: EventLogError.tooLarge(bytes: record(2, bytes: 200).value.count, limit: 100)) {
            try await log.append([record(1), record(2, bytes: 200)])
        }
        #expect(log.status.records == 0)
        await log.close()
    }

    @Test func replaysAndTicksAreNeverSpooled() async throws {
        let directory = try TemporaryDirectory()
        let broker = Broker(.down)
        let log = try await directory.open(over: broker)
        _ = try await log.append([record(1)])
        let down = EventLogError.failed("the broker is down")
        await #expect(throws: down) {
            try await log.append([ReplayRow(number: 1, content: .event(record(1)))], ofReplay: "r")
        }
        await #expect(throws: down) { try await log.endReplay("r") }
        await #expect(throws: down) { try await log.appendTick(partition: 0) }
        #expect(log.status.records == 1)
        await log.close()
    }

    @Test(arguments: [true, false])
    func aRecordThatIsTooLargeDoesNotHoldUpWhatIsBehindIt(isLimitNamed: Bool) async throws {
        let directory = try TemporaryDirectory()
        let broker = Broker(.down)
        let log = try await directory.open(over: broker)
        let large = record(3, bytes: 9_000)
        let items = [record(1), record(2), large, record(4), record(5)]
        for item in items { _ = try await log.append([item]) }
        await log.close()

        let again = Broker()
        again.set(limit: 100, named: isLimitNamed)
        let restarted = try await directory.open(over: again)
        await again.has(7)
        var seen: Set<UInt64> = []
        #expect(again.stored.filter { seen.insert($0.identity).inserted } == [1, 2, 4, 5].map { record($0) })
        #expect(again.kept.flatMap(\.bytes) == large.value)
        let size = large.value.count
        let reason = "a record of \(size) bytes is over \(isLimitNamed ? "the limit of 100" : "the log's limit")"
        #expect(
            again.kept.map(\.reason) == [0, 4_096, 8_192].map { "\(reason) (from byte \($0) of \(size))" })
        #expect(again.kept.allSatisfy { $0.source == "spool" && $0.time == now })
        await restarted.close()
    }

    @Test func aFullSpoolRefusesAndRecoversByItself() async throws {
        let directory = try TemporaryDirectory()
        let broker = Broker(.down)
        let log = try await directory.open(over: broker, directory.eager(maxBytes: 20_000))
        var spooled = 0
        do {
            while true {
                _ = try await log.append([record(spooled, bytes: 100)])
                spooled += 1
            }
        } catch {
            #expect(error == .overloaded(retryAfter_s: 5))
        }
        #expect(spooled > 50)
        #expect(log.status.refused == 1)
        #expect(log.status.bytes <= 20_000)
        await #expect(throws: EventLogError.overloaded(retryAfter_s: 5)) {
            try await log.reject((0..<50).map { rejected($0) })
        }

        broker.set(.up)
        await broker.has(spooled)
        try await drained(log)
        #expect(broker.stored == (0..<spooled).map { record($0, bytes: 100) })
        #expect(try await log.append([record(-1)]) == [.stored(Location(partition: 0, offset: Int64(spooled)))])
        await log.close()
    }

    @Test func manyAtOnceShareTheDiskAndNoneIsLost() async throws {
        let directory = try TemporaryDirectory()
        let broker = Broker(.down)
        let log = try await directory.open(over: broker, directory.settings(maxBytes: 64 << 20))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<64 {
                group.addTask {
                    for number in 0..<50 {
                        let verdicts = try await log.append([record(task * 1_000 + number, key: "s:\(task)")])
                        #expect(verdicts == [.spooled])
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(log.status.records == 64 * 50)
        await log.close()
        let again = Broker()
        let restarted = try await directory.open(over: again)
        await again.has(64 * 50)
        for task in 0..<64 {
            #expect(
                again.stored.filter { $0.key == "s:\(task)" }
                    == (0..<50).map { record(task * 1_000 + $0, key: "s:\(task)") })
        }
        await restarted.close()
    }
}
