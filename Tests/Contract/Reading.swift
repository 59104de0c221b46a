import EventLog
import Testing

/// Trials of readers, bounds and times.
extension LogContract {
    static func aFreshLogIsEmpty(_ fixture: LogFixture) async throws {
        try #require(fixture.log.partitionCount >= 2)
        #expect(fixture.outputs.partitionCount == fixture.log.partitionCount)
        for partition in 0..<fixture.log.partitionCount {
            #expect(try await fixture.log.bounds(partition: partition).isEmpty)
            #expect(try await contents(of: fixture.log, partition: partition) == [])
            for stream in OutputStream.allCases {
                #expect(try await fixture.outputs.bounds(stream, partition: partition).isEmpty)
            }
            #expect(try await fixture.outputs.position(partition: partition) == nil)
        }
        #expect(try await fixture.log.replayMark("nobody") == nil)
    }

    static func boundsEncloseWhatIsStored(_ fixture: LogFixture) async throws {
        let key = key(for: 1, of: fixture.log)
        let locations = try await store((0..<9).map { record($0, key: key) }, in: fixture.log)
        let bounds = try await fixture.log.bounds(partition: 1)
        #expect(bounds.lowerBound == locations[0].offset)
        #expect(bounds.upperBound > locations[8].offset)
        if fixture.offsetsAreDense { #expect(bounds.count == 9) }
        #expect(try await fixture.log.bounds(partition: 0).isEmpty)
    }

    static func aReaderGivesAtMostWhatItIsAskedFor(_ fixture: LogFixture) async throws {
        let key = key(for: 0, of: fixture.log)
        let sent = (0..<10).map { record($0, key: key) }
        try await store(sent, in: fixture.log)
        let reader = try await fixture.log.reader(partition: 0, from: 0)
        var got: [StoredRecord] = []
        while got.count < sent.count {
            let records = try await reader.next(limit: 3, wait: patience)
            #expect((1...3).contains(records.count))
            try #require(!records.isEmpty)
            got += records
        }
        #expect(got.map(\.value) == sent.map(\.value))
    }

    static func aReaderBeginsInTheMiddle(_ fixture: LogFixture) async throws {
        let key = key(for: 0, of: fixture.log)
        let sent = (0..<10).map { record($0, key: key) }
        let locations = try await store(sent, in: fixture.log)
        let reader = try await fixture.log.reader(partition: 0, from: locations[6].offset)
        #expect(try await read(4, from: reader).map(\.value) == sent[6...].map(\.value))
    }

    static func aReaderWaitsForWhatComes(_ fixture: LogFixture) async throws {
        let log = fixture.log
        let key = key(for: 0, of: log)
        let reader = try await log.reader(partition: 0, from: 0)
        // Whichever of the two comes first, each record must come out once and in order.
        for number in 0..<20 {
            async let got = read(1, from: reader)
            try await store([record(number, key: key)], in: log)
            #expect(try await got.map(\.value) == [record(number, key: key).value])
        }
    }

    static func aReaderThatWaitsInVainGivesNothing(_ fixture: LogFixture) async throws {
        let reader = try await fixture.log.reader(partition: 0, from: 0)
        for wait in [Duration.zero, .nanoseconds(1), .milliseconds(20)] {
            #expect(try await reader.next(limit: 10, wait: wait) == [])
        }
    }

    static func readersSeeNothingThatIsNotDurable(_ fixture: LogFixture) async throws {
        guard let stall = fixture.stall else { try skip("appends cannot be held up here") }
        let log = fixture.log
        let key = key(for: 0, of: log)
        let reader = try await log.reader(partition: 0, from: 0)
        let resume = try await stall()
        async let stored = store([record(1, key: key)], in: log)
        let early = try await reader.next(limit: 10, wait: .milliseconds(100))
        let bounds = try await log.bounds(partition: 0)
        try await resume()
        #expect(early == [])
        #expect(bounds.isEmpty)
        #expect(try await read(1, from: reader).map(\.offset) == stored.map(\.offset))
    }

    static func theFirstOffsetOfATimeIsFound(_ fixture: LogFixture) async throws {
        let log = fixture.log
        let key = key(for: 1, of: log)
        for batch in 0..<10 {
            try await store((0..<3).map { record(batch * 10 + $0, key: key) }, in: log)
        }
        let stored = try await contents(of: log, partition: 1)
        let end = try await log.bounds(partition: 1).upperBound
        for time in Set(stored.flatMap { [$0.time - 1, $0.time, $0.time + 1] }) {
            let expected = stored.first { $0.time >= time }?.offset ?? end
            #expect(try await log.firstOffset(partition: 1, atOrAfter: time) == expected)
        }
        #expect(try await log.firstOffset(partition: 0, atOrAfter: 0) == log.bounds(partition: 0).upperBound)
    }
}
