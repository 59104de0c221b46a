import EventLog
import Foundation
import LogContract
import SpooledLog
import Testing

/// What a start makes of what an earlier process, a crash or a failing disk has left.
struct RestartTests {
    /// Spools records 0..<count and closes.
    private static func fill(_ directory: TemporaryDirectory, _ count: Int, _ settings: SpoolSettings? = nil)
        async throws
    {
        let log = try await directory.open(over: Broker(.down), settings)
        for number in 0..<count { _ = try await log.append([record(number)]) }
        await log.close()
    }

    @Test(arguments: [1, 7, 20, 39])
    func draining(breaksOffAndGoesOn after: Int) async throws {
        let directory = try TemporaryDirectory()
        var settings = directory.settings()
        settings.segmentBytes = 500
        settings.batchRecords = 3
        try await Self.fill(directory, 40, settings)
        var stored: [NewRecord] = []
        var starts = 0
        while stored.count < 40, starts < 200 {
            // Takes a few, then nothing any more: a broker that dies under the drainer.
            let broker = Broker(.breaking(after: min(after, 2)))
            let log = try await directory.open(over: broker, settings)
            await broker.has(1)
            broker.set(.down)
            await log.close()
            var seen = Set(stored.map(\.identity))
            stored += broker.stored.filter { seen.insert($0.identity).inserted }
            starts += 1
            if after > 2 { break }
        }
        if stored.count < 40 {
            let broker = Broker()
            let log = try await directory.open(over: broker, settings)
            try await drained(log)
            await log.close()
            var seen = Set(stored.map(\.identity))
            stored += broker.stored.filter { seen.insert($0.identity).inserted }
        }
        #expect(stored == (0..<40).map { record($0) })
    }

    @Test func aTailThatIsCutAnywhereLosesNothingThatIsWhole() async throws {
        let whole = try TemporaryDirectory()
        try await Self.fill(whole, 3)
        let bytes = try Data(contentsOf: try #require(try whole.segments().first))
        let entry = bytes.count / 3
        for cut in stride(from: 0, through: bytes.count, by: 1) {
            let directory = try TemporaryDirectory()
            try await Self.fill(directory, 3)
            try bytes[..<cut].write(to: try #require(try directory.segments().first))
            let broker = Broker()
            let log = try await directory.open(over: broker)
            await broker.has(cut / entry)
            // What comes now stands behind the cut, in a file of its own.
            try await drained(log)
            await log.close()
            #expect(broker.stored == (0..<(cut / entry)).map { record($0) }, "cut at \(cut)")
            #expect(broker.kept == [])
        }
    }

    @Test func aFlippedBitGoesToRejectedAndItsNeighboursToTheLog() async throws {
        let whole = try TemporaryDirectory()
        try await Self.fill(whole, 3)
        let segment = try #require(try whole.segments().first)
        let bytes = try Data(contentsOf: segment)
        let entry = bytes.count / 3
        for position in bytes.indices {
            let directory = try TemporaryDirectory()
            try await Self.fill(directory, 3)
            var flipped = bytes
            flipped[position] ^= 0x10
            try flipped.write(to: try #require(try directory.segments().first))
            let broker = Broker()
            let log = try await directory.open(over: broker)
            await broker.has(3)
            await log.close()
            let harmed = position / entry
            #expect(broker.stored == (0..<3).filter { $0 != harmed }.map { record($0) }, "byte \(position)")
            #expect(broker.kept.map(\.bytes) == [[UInt8](flipped[(harmed * entry)..<((harmed + 1) * entry)])])
            #expect(broker.kept.first?.reason.contains(", byte \(harmed * entry): ") == true)
        }
    }

    @Test func aHeadThatCannotBeReadSendsEverythingAgain() async throws {
        let directory = try TemporaryDirectory()
        try await Self.fill(directory, 5)
        let head = URL(filePath: directory.path + "/head")
        try Data(repeating: 0x37, count: 1_024).write(to: head)
        let broker = Broker()
        let log = try await directory.open(over: broker)
        await broker.has(5)
        await log.close()
        #expect(broker.stored == (0..<5).map { record($0) })
    }

    /// Of the two marks the one that was being written is lost: the other stands before it, so nothing is skipped.
    @Test(arguments: [0, 512])
    func aMarkThatIsHalfWrittenSkipsNothing(place: Int) async throws {
        let directory = try TemporaryDirectory()
        var settings = directory.settings()
        settings.batchRecords = 1
        try await Self.fill(directory, 10, settings)
        let first = Broker(.up)
        let log = try await directory.open(over: first, settings)
        await first.has(3)
        first.set(.down)
        await log.close()
        let head = URL(filePath: directory.path + "/head")
        var bytes = try Data(contentsOf: head)
        bytes[place] ^= 1
        try bytes.write(to: head)
        let second = Broker()
        let again = try await directory.open(over: second, settings)
        try await drained(again)
        await again.close()
        var seen: Set<UInt64> = []
        let firsts = (first.stored + second.stored).filter { seen.insert($0.identity).inserted }
        #expect(firsts == (0..<10).map { record($0) })
    }

    @Test func anotherFormatIsRefused() async throws {
        let directory = try TemporaryDirectory()
        try await Self.fill(directory, 1)
        let format = URL(filePath: directory.path + "/format")
        #expect(try String(contentsOf: format, encoding: .utf8) == "dinghy spool 1\n")
        for other in ["dinghy spool 2\n", "dinghy spool", ""] {
            try Data(other.utf8).write(to: format)
            do {
                _ = try await directory.open(over: Broker())
                Issue.record("'\(other)' was taken")
            } catch EventLogError.unusable(let reason) {
                #expect(reason.contains("start the version that wrote it"))
            }
        }
        try Data("dinghy spool 1\n".utf8).write(to: format)
        let broker = Broker()
        let log = try await directory.open(over: broker)
        await broker.has(1)
        await log.close()
    }

    @Test func aSecondCollectorIsRefused() async throws {
        let directory = try TemporaryDirectory()
        let log = try await directory.open(over: Broker(.down))
        _ = try await log.append([record(1)])
        do {
            _ = try await directory.open(over: Broker())
            Issue.record("two collectors share a spool")
        } catch EventLogError.unusable(let reason) {
            #expect(reason.hasPrefix("the spool directory \(directory.path) is in use by process "))
            #expect(reason.hasSuffix("choose another directory with spool.directory"))
        }
        await log.close()
        let next = try await directory.open(over: Broker())
        await next.close()
    }
}
