import EmbeddedLog
import EventLog
import Testing

struct NewestRecordsTests {
    private static func record(_ offset: Int64, bytes: Int = 1) -> StoredRecord {
        StoredRecord(offset: offset, time: 0, value: Array(repeating: UInt8(truncatingIfNeeded: offset), count: bytes))
    }

    private static func run(_ offsets: Range<Int64>, bytes: Int = 1) -> NewestRecords.Run {
        var run = NewestRecords.Run()
        for offset in offsets { run.append(record(offset, bytes: bytes)) }
        return run
    }

    @Test func whereNothingIsKnownTheTableIsAsked() {
        let newest = NewestRecords()
        #expect(newest.records(from: 0, limit: 9) == nil)
        newest.append(NewestRecords.Run())
        #expect(newest.records(from: 0, limit: 9) == nil)
        newest.append(Self.run(5..<8))
        #expect(newest.records(from: 4, limit: 9) == nil)
        #expect(newest.records(from: 9, limit: 9) == nil)
        newest.clear()
        #expect(newest.records(from: 6, limit: 9) == nil)
    }

    @Test func theEndIsKnown() {
        let newest = NewestRecords()
        newest.append(Self.run(5..<8))
        #expect(newest.records(from: 8, limit: 9) == [])
    }

    /// Every place and limit within a few runs.
    @Test func aRangeIsWhatWasAppended() {
        let newest = NewestRecords()
        for run in [3..<4, 4..<9, 9..<10, 10..<17] as [Range<Int64>] { newest.append(Self.run(run)) }
        for from in Int64(3)..<17 {
            for limit in 1...20 {
                let expected = (from..<min(17, from + Int64(limit))).map { Self.record($0) }
                #expect(newest.records(from: from, limit: limit) == expected)
            }
        }
    }

    @Test func aGapBeginsAnew() {
        let newest = NewestRecords()
        newest.append(Self.run(0..<3))
        newest.append(Self.run(4..<6))
        #expect(newest.records(from: 2, limit: 9) == nil)
        #expect(newest.records(from: 4, limit: 9)?.map(\.offset) == [4, 5])
    }

    @Test func theOldestGoFirstAndRoomIsBounded() {
        let newest = NewestRecords()
        for start in stride(from: Int64(0), to: 10_000, by: 100) { newest.append(Self.run(start..<(start + 100))) }
        #expect(newest.records(from: 10_000 - Int64(NewestRecords.maxRecords) - 1, limit: 1) == nil)
        #expect(newest.records(from: 10_000 - Int64(NewestRecords.maxRecords), limit: 1)?.count == 1)
        // Fewer where they are large.
        for start in Int64(10_000)..<10_020 { newest.append(Self.run(start..<(start + 1), bytes: 100 << 10)) }
        #expect(newest.records(from: 10_014, limit: 99) == nil)
        #expect(newest.records(from: 10_015, limit: 99)?.count == 5)
    }

    /// Of a transaction that brings more than there is room for the end is known, nothing else.
    @Test func whatDoesNotFitIsReadFromTheTable() {
        let newest = NewestRecords()
        newest.append(Self.run(0..<10))
        let count = Int64(NewestRecords.maxRecords) + 50
        newest.append(Self.run(10..<(10 + count)))
        #expect(newest.records(from: 12, limit: 1) == nil)
        #expect(newest.records(from: 10 + count, limit: 1) == [])
        newest.append(Self.run((10 + count)..<(12 + count)))
        #expect(newest.records(from: 10 + count, limit: 9)?.count == 2)
    }
}
