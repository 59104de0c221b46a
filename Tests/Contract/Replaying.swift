import EventLog
import Events
import Testing

/// Trials of replays: rows and their mark are one.
extension LogContract {
    private static func rows(_ numbers: ClosedRange<Int64>, key: String) -> [ReplayRow] {
        numbers.map { row($0, key: key) }
    }

    private static func values(_ numbers: ClosedRange<Int64>, key: String) -> [[UInt8]] {
        numbers.map { record(Int($0), key: key).value }
    }

    static func rowsAreStoredTogetherWithTheirMark(_ fixture: LogFixture) async throws {
        let log = fixture.log
        let key = key(for: 0, of: log)
        #expect(try await log.append(rows(1...4, key: key), ofReplay: "june") == ReplayAppended(stored: 4))
        #expect(try await log.replayMark("june") == ReplayMark(lastRow: 4, ended: false))
        #expect(try await log.append(rows(5...6, key: key), ofReplay: "june") == ReplayAppended(stored: 2))
        #expect(try await log.replayMark("june") == ReplayMark(lastRow: 6, ended: false))
        let stored = try await contents(of: log, partition: 0)
        #expect(stored.map(\.value) == values(1...6, key: key))
        expectOrder(stored, fixture)
    }

    static func rowsAtOrBelowTheMarkAreDuplicates(_ fixture: LogFixture) async throws {
        let log = fixture.log
        let key = key(for: 0, of: log)
        _ = try await log.append(rows(1...4, key: key), ofReplay: "june")
        let overlapping = try await log.append(rows(3...6, key: key), ofReplay: "june")
        #expect(overlapping == ReplayAppended(stored: 2, duplicates: 2))
        let repeated = try await log.append(rows(1...6, key: key), ofReplay: "june")
        #expect(repeated == ReplayAppended(duplicates: 6))
        #expect(try await contents(of: log, partition: 0).map(\.value) == values(1...6, key: key))
        #expect(try await log.replayMark("june") == ReplayMark(lastRow: 6, ended: false))
    }

    static func aGapIsRefusedWhole(_ fixture: LogFixture) async throws {
        let log = fixture.log
        let key = key(for: 0, of: log)
        await #expect(throws: EventLogError.replayGap(name: "june", expected: 1, got: 2)) {
            try await log.append(rows(2...3, key: key), ofReplay: "june")
        }
        _ = try await log.append(rows(1...4, key: key), ofReplay: "june")
        await #expect(throws: EventLogError.replayGap(name: "june", expected: 5, got: 6)) {
            try await log.append(rows(6...7, key: key), ofReplay: "june")
        }
        await #expect(throws: EventLogError.replayGap(name: "june", expected: 7, got: 8)) {
            try await log.append(rows(4...6, key: key) + rows(8...9, key: key), ofReplay: "june")
        }
        #expect(try await log.replayMark("june") == ReplayMark(lastRow: 4, ended: false))
        #expect(try await contents(of: log, partition: 0).map(\.value) == values(1...4, key: key))
    }

    static func rejectedRowsMoveTheMark(_ fixture: LogFixture) async throws {
        let log = fixture.log
        let key = key(for: 0, of: log)
        var rows = rows(1...3, key: key)
        rows[1].content = .rejected(rejected(2, line: 3))
        #expect(try await log.append(rows, ofReplay: "june") == ReplayAppended(stored: 2, rejected: 1))
        #expect(try await log.append(rows, ofReplay: "june") == ReplayAppended(duplicates: 3))
        #expect(try await log.replayMark("june") == ReplayMark(lastRow: 3, ended: false))
        #expect(try await log.rejected(from: 0, limit: 10) == [rejected(2, line: 3)])
        let last = ReplayRow(number: 4, content: .rejected(rejected(4)))
        #expect(try await log.append([last], ofReplay: "june") == ReplayAppended(rejected: 1))
        #expect(try await log.replayMark("june") == ReplayMark(lastRow: 4, ended: false))
        #expect(try await log.rejectedCount() == 2)
    }

    static func rowsAreNeverTakenForEventsSeenBefore(_ fixture: LogFixture) async throws {
        let log = fixture.log
        let key = key(for: 0, of: log)
        // Real files repeat rows: the same content under two numbers, and as a live event besides.
        let twice = [1, 2].map { ReplayRow(number: $0, content: .event(record(1, key: key))) }
        #expect(try await log.append(twice, ofReplay: "june") == ReplayAppended(stored: 2))
        try await store([record(1, key: key)], in: log)
        let again = ReplayRow(number: 3, content: .event(record(1, key: key)))
        #expect(try await log.append([again], ofReplay: "june") == ReplayAppended(stored: 1))
        #expect(try await contents(of: log, partition: 0).count == 4)
    }

    static func replaysAreToldApartByName(_ fixture: LogFixture) async throws {
        let log = fixture.log
        let key = key(for: 0, of: log)
        _ = try await log.append(rows(1...3, key: key), ofReplay: "june")
        #expect(try await log.append(rows(1...2, key: key), ofReplay: "july") == ReplayAppended(stored: 2))
        try await log.endReplay("july")
        #expect(try await log.replayMark("june") == ReplayMark(lastRow: 3, ended: false))
        #expect(try await log.replayMark("july") == ReplayMark(lastRow: 2, ended: true))
        #expect(try await log.replayMark("august") == nil)
    }

    static func anEndIsMarkedOnceOnEveryPartition(_ fixture: LogFixture) async throws {
        let log = fixture.log
        _ = try await log.append(rows(1...2, key: key(for: 0, of: log)), ofReplay: "june")
        try await log.endReplay("june")
        try await log.endReplay("june")
        #expect(try await log.replayMark("june") == ReplayMark(lastRow: 2, ended: true))
        for partition in 0..<log.partitionCount {
            let stored = try await contents(of: log, partition: partition)
            try #require(stored.count == (partition == 0 ? 3 : 1))
            #expect(try RecordCoder.decode(stored[stored.count - 1].value) == .end(replay: "june"))
        }
    }

    static func rowsAfterAnEndReviveTheReplay(_ fixture: LogFixture) async throws {
        let log = fixture.log
        let key = key(for: 0, of: log)
        _ = try await log.append(rows(1...2, key: key), ofReplay: "june")
        try await log.endReplay("june")
        // A repetition brings nothing new, so the replay stays ended.
        _ = try await log.append(rows(1...2, key: key), ofReplay: "june")
        #expect(try await log.replayMark("june") == ReplayMark(lastRow: 2, ended: true))
        #expect(
            try await log.append(rows(2...3, key: key), ofReplay: "june") == ReplayAppended(stored: 1, duplicates: 1))
        #expect(try await log.replayMark("june") == ReplayMark(lastRow: 3, ended: false))
        try await log.endReplay("june")
        #expect(try await log.replayMark("june") == ReplayMark(lastRow: 3, ended: true))
        #expect(try await contents(of: log, partition: 0).count == 5)
        #expect(try await contents(of: log, partition: 1).count == 2)
    }
}
