import EmbeddedLog
import EventLog
import Foundation
import GRDB
import LogContract
import Synchronization
import Testing

/// What is older than the shop keeps goes, and nothing that is still needed.
struct RetentionTests {
    private final class Time: Sendable {
        private let time = Mutex<Int64>(1_000_000_000)
        var now: Int64 { time.withLock { $0 } }
        func advance(hours: Int64) { time.withLock { $0 += hours * 3_600_000 } }
    }

    /// Keeps one hour; looks only when it is told to.
    private static var hour: RetentionSettings {
        var settings = RetentionSettings(age: .seconds(3_600))
        settings.delay = .seconds(100_000)
        settings.step = 100
        return settings
    }

    private static func open(
        _ directory: TemporaryDirectory, _ time: Time, limits: EmbeddedLimits = EmbeddedLimits()
    ) async throws -> DataDirectory {
        try await DataDirectory.open(
            directory.path, limits: limits, retention: hour, logger: quiet, now: { time.now })
    }

    /// - Parameter run: records of an append, and so of a row.
    private static func append(_ numbers: Range<Int>, by run: Int = 500, to data: DataDirectory) async throws {
        for first in stride(from: numbers.lowerBound, to: numbers.upperBound, by: run) {
            let verdicts = try await data.log.append(
                (first..<min(first + run, numbers.upperBound)).map { record($0, bytes: 150) })
            #expect(!verdicts.contains(.duplicate))
        }
    }

    /// Commits a score of every record up to `next`, `run` of them at a time, and so in a row.
    private static func score(
        _ data: DataDirectory, from follows: Int64?, to next: Int64, by run: Int64 = .max, lowWater: Int64
    ) async throws {
        let consumer = data.makeConsumer()
        var done = follows
        while done ?? 0 < next {
            let start = done ?? 0
            let end = next - start > run ? start + run : next
            try await consumer.commit([
                ScoredBatch(
                    partition: 0, follows: done, next: end, lowWaterOffset: lowWater, position: "at \(end)",
                    scores: (start..<end).map {
                        OutputRecord(key: "s:k", value: Array("{\"session\":\"0:0\",\"offset\":\($0)}".utf8))
                    }, outcomes: [])
            ])
            done = end
        }
    }

    private static func start(_ data: DataDirectory) async throws -> [Int64] {
        [
            try await data.log.bounds(partition: 0).lowerBound,
            try await data.outputs.bounds(.scores, partition: 0).lowerBound,
        ]
    }

    @Test func nothingGoesThatScoringStillNeeds() async throws {
        let directory = try TemporaryDirectory()
        let time = Time()
        let data = try await Self.open(directory, time)
        try await Self.append(0..<1_000, by: 10, to: data)
        time.advance(hours: 2)
        try await Self.append(1_000..<1_010, by: 1, to: data)
        // Nothing is scored yet.
        #expect(try await data.sweep() == 0)
        try await Self.score(data, from: nil, to: 900, by: 10, lowWater: 350)
        #expect(try await data.sweep() == 350)
        #expect(try await Self.start(data) == [350, 350])
        try await Self.score(data, from: 900, to: 1_010, by: 1, lowWater: 1_010)
        #expect(try await data.sweep() == 650)
        #expect(try await Self.start(data) == [1_000, 1_000])
        // The newest stays, however old, so that offsets and times go on from it.
        time.advance(hours: 200)
        #expect(try await data.sweep() == 9)
        #expect(try await Self.start(data) == [1_009, 1_009])
        #expect(try await data.log.append([record(-7)]) == [.stored(Location(partition: 0, offset: 1_010))])
        #expect(try await data.check().problems == 0)
        await data.close()
    }

    @Test func aRowGoesAsAWhole() async throws {
        let directory = try TemporaryDirectory()
        let time = Time()
        let data = try await Self.open(directory, time)
        try await Self.append(0..<300, by: 100, to: data)
        time.advance(hours: 2)
        try await Self.score(data, from: nil, to: 300, by: 150, lowWater: 299)
        #expect(try await data.sweep() == 200)
        // Of the first 150 scores all belong to events that are gone.
        #expect(try await Self.start(data) == [200, 150])
        #expect(try await data.check().problems == 0)
        await data.close()
    }

    @Test func aRowThatMiscountsTakesNothingWithIt() async throws {
        let directory = try TemporaryDirectory()
        let time = Time()
        let data = try await Self.open(directory, time)
        try await Self.append(0..<100, by: 10, to: data)
        time.advance(hours: 2)
        try await Self.score(data, from: nil, to: 100, by: 10, lowWater: 60)
        try DatabaseQueue(path: directory.events).inDatabase {
            try $0.execute(sql: "UPDATE event_batch SET count = 20 WHERE key = 20")
        }
        #expect(try await data.sweep() == 20)
        #expect(try await Self.start(data) == [20, 20])
        #expect(try await data.log.bounds(partition: 0) == 20..<100)
        await data.close()
    }

    @Test func scoresThatCannotBeReadStay() async throws {
        let directory = try TemporaryDirectory()
        let time = Time()
        let data = try await Self.open(directory, time)
        try await Self.append(0..<100, by: 10, to: data)
        time.advance(hours: 2)
        try await Self.score(data, from: nil, to: 100, by: 10, lowWater: 100)
        try DatabaseQueue(path: directory.path + "/scores.sqlite").inDatabase {
            try $0.execute(sql: "UPDATE score_batch SET value = x'00' WHERE key = 30")
        }
        #expect(try await data.sweep() == 90)
        #expect(try await Self.start(data) == [90, 30])
        await data.close()
    }

    @Test func aReaderIsToldWhatItCanNoLongerHave() async throws {
        let directory = try TemporaryDirectory()
        let time = Time()
        let data = try await Self.open(directory, time)
        try await Self.append(0..<1_000, by: 100, to: data)
        time.advance(hours: 2)
        try await Self.score(data, from: nil, to: 1_000, lowWater: 800)
        let reader = try await data.log.reader(partition: 0, from: 0)
        #expect(try await reader.next(limit: 300, wait: .zero).count == 300)
        #expect(try await data.sweep() == 800)
        await #expect {
            try await reader.next(limit: 300, wait: .zero)
        } throws: {
            "\($0)".contains("no longer holds offsets 300 to 799: retention has removed them")
        }
        await data.close()
    }

    @Test func freedSpaceIsUsedAgain() async throws {
        let directory = try TemporaryDirectory()
        let time = Time()
        var data = try await Self.open(directory, time)
        var next: Int64 = 0
        var sizes: [Int] = []
        for round in 0..<4 {
            let first = round * 20_000
            try await Self.append(first..<(first + 20_000), to: data)
            let scored = Int64(first + 20_000)
            try await Self.score(data, from: next == 0 ? nil : next, to: scored, lowWater: scored)
            next = scored
            time.advance(hours: 2)
            _ = try await data.sweep()
            // All that is in the WAL comes into the files.
            await data.close()
            sizes.append(
                try ["events", "scores"].reduce(0) { size, file in
                    size + (try Data(contentsOf: URL(filePath: "\(directory.path)/\(file).sqlite")).count)
                })
            data = try await Self.open(directory, time)
        }
        #expect(sizes[3] < sizes[0] * 11 / 10, "\(sizes)")
        await data.close()
    }

    @Test func recordsGoBesideThoseThatCome() async throws {
        let directory = try TemporaryDirectory()
        let time = Time()
        let data = try await Self.open(directory, time)
        try await Self.append(0..<20_000, to: data)
        try await Self.score(data, from: nil, to: 20_000, lowWater: 20_000)
        time.advance(hours: 2)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await data.sweep() }
            for task in 0..<4 {
                group.addTask {
                    for number in 0..<200 {
                        _ = try await data.log.append([record(1_000_000 + task * 1_000 + number)])
                    }
                }
            }
            try await group.waitForAll()
        }
        _ = try await data.sweep()
        let bounds = try await data.log.bounds(partition: 0)
        #expect(bounds == 20_000..<20_800)
        #expect(try await contents(of: data.log).map(\.offset) == Array(bounds))
        await data.close()
    }

    @Test func identitiesAreKnownAfterALongReplayAndARestart() async throws {
        let directory = try TemporaryDirectory()
        let time = Time()
        var limits = EmbeddedLimits()
        limits.identities = 100
        var data = try await Self.open(directory, time, limits: limits)
        var row: Int64 = 0
        func replay(_ count: Int) async throws {
            let rows = (1...count).map { ReplayRow(number: row + Int64($0), content: .event(record(-$0))) }
            _ = try await data.log.append(rows, ofReplay: "june")
            row += Int64(count)
        }
        try await Self.append(0..<40, to: data)
        for _ in 0..<5 { try await replay(700) }
        try await Self.append(40..<60, to: data)
        try await replay(900)
        for _ in 0..<2 {
            await data.close()
            data = try await Self.open(directory, time, limits: limits)
            let verdicts = try await data.log.append((0..<60).map { record($0, bytes: 150) })
            #expect(verdicts.allSatisfy { $0 == .duplicate })
        }
        await data.close()
        // Runs that follow each other are one.
        let runs = try await DatabaseQueue(path: directory.events).read { database in
            try Row.fetchAll(database, sql: "SELECT first, next FROM replayed ORDER BY first")
                .map { [$0[0], $0[1]] as [Int64] }
        }
        #expect(runs == [[40, 3_540], [3_560, 4_460]])
    }
}
