import EventLog
import Events
import Testing

/// Trials of live appends.
extension LogContract {
    static func appendsAreReadBackInOrder(_ fixture: LogFixture) async throws {
        let key = key(for: 1, of: fixture.log)
        var sent: [NewRecord] = []
        for batch in 0..<20 {
            let records = (0..<(batch % 5 + 1)).map { record(batch * 10 + $0, key: key, bytes: batch * 13) }
            try await store(records, in: fixture.log)
            sent += records
        }
        let stored = try await contents(of: fixture.log, partition: 1)
        #expect(stored.map(\.value) == sent.map(\.value))
        expectOrder(stored, fixture)
    }

    static func aKeyChoosesItsPartition(_ fixture: LogFixture) async throws {
        let records = (0..<50).map { record($0, key: "visitor-\($0)-ü") }
        try await store(records, in: fixture.log)
        for partition in 0..<fixture.log.partitionCount {
            let expected = records.filter {
                Partitioner.partition(ofKey: $0.key, count: fixture.log.partitionCount) == partition
            }
            let stored = try await contents(of: fixture.log, partition: partition)
            #expect(stored.map(\.value) == expected.map(\.value))
        }
    }

    static func verdictsSayWhereEachRecordIs(_ fixture: LogFixture) async throws {
        let records = (0..<50).map { record($0, key: "k\($0)") }
        let locations = try await store(records, in: fixture.log)
        #expect(locations.count == records.count)
        #expect(Set(locations).count == records.count)
        for (record, location) in zip(records, locations) {
            let reader = try await fixture.log.reader(partition: location.partition, from: location.offset)
            let found = try await read(1, from: reader)
            #expect(found[0].offset == location.offset)
            #expect(found[0].value == record.value)
        }
        #expect(try await fixture.log.append([]) == [])
    }

    static func concurrentAppendsKeepEachCallersOrder(_ fixture: LogFixture) async throws {
        let log = fixture.log
        let key = key(for: 0, of: log)
        let perCaller = try await withThrowingTaskGroup(of: [Location].self) { group in
            for caller in 0..<16 {
                group.addTask {
                    var locations: [Location] = []
                    for number in 0..<20 {
                        let records = (0..<3).map { record(caller * 1000 + number * 10 + $0, key: key) }
                        locations += try await store(records, in: log)
                    }
                    return locations
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for locations in perCaller {
            #expect(locations.map(\.offset) == locations.map(\.offset).sorted())
        }
        #expect(Set(perCaller.joined()).count == 16 * 60)
        let stored = try await contents(of: log, partition: 0)
        #expect(stored.count == 16 * 60)
        expectOrder(stored, fixture)
    }

    static func anEventThatWasStoredBeforeIsADuplicate(_ fixture: LogFixture) async throws {
        guard fixture.duplicatesAreRecognised else { try skip("this log leaves duplicates to the fold") }
        let key = key(for: 0, of: fixture.log)
        let within = try await fixture.log.append([record(1, key: key), record(1, key: key), record(2, key: key)])
        #expect(within[1] == .duplicate)
        let later = try await fixture.log.append([record(2, key: key), record(3, key: key), record(1, key: key)])
        #expect(later[0] == .duplicate)
        #expect(later[2] == .duplicate)
        let stored = try await contents(of: fixture.log, partition: 0)
        #expect(stored.map(\.value) == [1, 2, 3].map { record($0, key: key).value })
    }

    static func aRecordThatIsTooLargeIsRefusedWithItsAppend(_ fixture: LogFixture) async throws {
        let key = key(for: 0, of: fixture.log)
        let limit = EventLimits.recordBytes
        let largest = NewRecord(key: "s:" + key, value: [UInt8](repeating: 32, count: limit), identity: 1)
        let tooLarge = NewRecord(key: "s:" + key, value: [UInt8](repeating: 32, count: limit + 1), identity: 2)
        await #expect(throws: EventLogError.tooLarge(bytes: limit + 1, limit: limit)) {
            try await fixture.log.append([record(1, key: key), tooLarge])
        }
        try await store([largest], in: fixture.log)
        #expect(try await contents(of: fixture.log, partition: 0).map(\.value) == [largest.value])
    }

    static func aTickIsARecordOfItsPartition(_ fixture: LogFixture) async throws {
        let last = fixture.log.partitionCount - 1
        try await store([record(1, key: key(for: last, of: fixture.log))], in: fixture.log)
        try await fixture.log.appendTick(partition: last)
        let stored = try await contents(of: fixture.log, partition: last)
        try #require(stored.count == 2)
        #expect(try RecordCoder.decode(stored[1].value) == .tick)
        #expect(try await contents(of: fixture.log, partition: 0).isEmpty)
    }

    static func rejectedInputIsKeptInOrder(_ fixture: LogFixture) async throws {
        #expect(try await fixture.log.rejectedCount() == 0)
        #expect(try await fixture.log.rejected(from: 0, limit: 10) == [])
        let records = [rejected(1), rejected(2, line: 17), rejected(3)]
        try await fixture.log.reject(Array(records[..<2]))
        try await fixture.log.reject([records[2]])
        #expect(try await fixture.log.rejectedCount() == 3)
        #expect(try await fixture.log.rejected(from: 0, limit: 10) == records)
        #expect(try await fixture.log.rejected(from: 1, limit: 1) == [records[1]])
    }

    static func aFullBufferRefusesAndLosesNothing(_ fixture: LogFixture) async throws {
        guard let stall = fixture.stall else { try skip("appends cannot be held up here") }
        let log = fixture.log
        let keys = (0..<log.partitionCount).map { key(for: $0, of: log) }
        let perAppend = max(1, fixture.maxWaitingRecords / 50)
        let appends = 120
        let (stored, refused) = try await withThrowingTaskGroup(of: Int?.self) { group in
            let resume = try await stall()
            for append in 0..<appends {
                let records = (0..<perAppend).map { record(append * perAppend + $0, key: keys[$0 % keys.count]) }
                group.addTask {
                    do {
                        return try await store(records, in: log).count
                    } catch EventLogError.overloaded(let retryAfter_s) {
                        #expect(retryAfter_s > 0)
                        return nil
                    }
                }
            }
            // Nothing can become durable yet, so whatever is answered now is a refusal.
            let first = try await group.next()
            try await resume()
            #expect(first == .some(nil))
            return try await group.reduce(into: (stored: 0, refused: 1)) { sum, count in
                if let count { sum.stored += count } else { sum.refused += 1 }
            }
        }
        #expect(refused < appends, "not even what there is room for was taken")
        var found = 0
        for partition in 0..<log.partitionCount {
            let records = try await contents(of: log, partition: partition)
            expectOrder(records, fixture)
            found += records.count
        }
        #expect(found == stored)
        try await store([record(-1, key: keys[0])], in: log)
    }
}
