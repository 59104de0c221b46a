import EventLog
import Testing

/// Trials of closing and starting again.
extension LogContract {
    static func aClosedLogRefusesAppends(_ fixture: LogFixture) async throws {
        let log = fixture.log
        let key = key(for: 0, of: log)
        await log.close()
        await log.close()
        await #expect(throws: EventLogError.closed) { try await log.append([record(1, key: key)]) }
        await #expect(throws: EventLogError.closed) { try await log.append([row(1, key: key)], ofReplay: "june") }
        await #expect(throws: EventLogError.closed) { try await log.endReplay("june") }
        await #expect(throws: EventLogError.closed) { try await log.appendTick(partition: 0) }
        await #expect(throws: EventLogError.closed) { try await log.reject([rejected(1)]) }
    }

    static func closingFinishesWhatIsUnderWay(_ fixture: LogFixture) async throws {
        let log = fixture.log
        let key = key(for: 0, of: log)
        let stored = try await withThrowingTaskGroup(of: Location?.self) { group in
            for number in 0..<200 {
                group.addTask {
                    do {
                        return try await store([record(number, key: key)], in: log)[0]
                    } catch EventLogError.closed {
                        return nil
                    }
                }
            }
            // Some have been answered, some are under way, some have yet to come.
            var stored = [try #require(try await group.next())]
            await log.close()
            for try await location in group { stored.append(location) }
            return Set(stored.compactMap { $0?.offset })
        }
        let restarted = try await fixture.restart()
        let found = try await contents(of: restarted.log, partition: 0).map(\.offset)
        await restarted.close()
        #expect(Set(found) == stored)
        #expect(!stored.isEmpty)
    }

    static func everythingStoredSurvivesARestart(_ fixture: LogFixture) async throws {
        let keys = (0..<fixture.log.partitionCount).map { key(for: $0, of: fixture.log) }
        try await store((0..<30).map { record($0, key: keys[$0 % keys.count]) }, in: fixture.log)
        _ = try await fixture.log.append((1...4).map { row($0, key: keys[0]) }, ofReplay: "june")
        try await fixture.log.endReplay("june")
        try await fixture.log.appendTick(partition: 1)
        try await fixture.log.reject([rejected(1), rejected(2)])
        var before: [[StoredRecord]] = []
        for partition in keys.indices { before.append(try await contents(of: fixture.log, partition: partition)) }

        let restarted = try await fixture.restart()
        do {
            #expect(restarted.log.partitionCount == keys.count)
            for partition in keys.indices {
                #expect(try await contents(of: restarted.log, partition: partition) == before[partition])
            }
            #expect(try await restarted.log.replayMark("june") == ReplayMark(lastRow: 4, ended: true))
            #expect(try await restarted.log.rejected(from: 0, limit: 10) == [rejected(1), rejected(2)])
            try await restarted.log.reject([rejected(3)])
            #expect(try await restarted.log.rejectedCount() == 3)
            for partition in keys.indices {
                try await store([record(100, key: keys[partition])], in: restarted.log)
                let after = try await contents(of: restarted.log, partition: partition)
                #expect(after.dropLast() == before[partition][...])
                #expect(after.last?.value == record(100, key: keys[partition]).value)
                expectOrder(after, restarted)
            }
        } catch {
            await restarted.close()
            throw error
        }
        await restarted.close()
    }

    static func duplicatesAreRecognisedAfterARestart(_ fixture: LogFixture) async throws {
        guard fixture.duplicatesAreRecognised else { try skip("this log leaves duplicates to the fold") }
        let key = key(for: 0, of: fixture.log)
        try await store([record(1, key: key), record(2, key: key)], in: fixture.log)
        let restarted = try await fixture.restart()
        let verdicts = try await restarted.log.append([record(2, key: key), record(3, key: key), record(1, key: key)])
        #expect(verdicts[0] == .duplicate)
        #expect(verdicts[1] != .duplicate)
        #expect(verdicts[2] == .duplicate)
        await restarted.close()
    }
}
