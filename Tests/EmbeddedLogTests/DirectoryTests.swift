import EmbeddedLog
import EventLog
import Foundation
import GRDB
import LogContract
import Synchronization
import Testing

/// A data directory that cannot be used is refused in words that say why and what to do, and left as it was.
struct DirectoryTests {
    /// The reason with which opening is refused.
    private func refusal(_ open: () async throws -> DataDirectory) async throws -> String {
        do {
            let data = try await open()
            await data.close()
            Issue.record("it was opened")
            return ""
        } catch EventLogError.unusable(let reason) {
            return reason
        }
    }

    /// After a kill the first to open a file recovers its WAL, and holds it alone meanwhile.
    @Test(arguments: [false, true])
    func aFileThatSomebodyHoldsForAMomentIsWaitedFor(readOnly: Bool) async throws {
        let directory = try TemporaryDirectory()
        let data = try await directory.open()
        _ = try await data.log.append([record(1)])
        await data.close()
        let holder = try ExclusiveHold(of: directory.events)
        let before = openDescriptors(of: directory.events)
        let isOver = Atomic(false)
        let opening = Task {
            defer { isOver.store(true, ordering: .relaxed) }
            return readOnly ? try await DataDirectory.openReadOnly(directory.path) : try await directory.open()
        }
        // Until it has come to the file.
        while openDescriptors(of: directory.events) == before, !isOver.load(ordering: .relaxed) { await Task.yield() }
        try holder.release()
        let opened = try await opening.value
        #expect(try await contents(of: opened.log).count == 1)
        await opened.close()
    }

    /// A kill while a file is turned into a WAL one leaves a journal that only who may write can roll back.
    @Test func aHotJournalIsRolledBack() async throws {
        let made = try TemporaryDirectory()
        await (try made.open()).close()
        let killed = try TemporaryDirectory()
        let database = try DatabaseQueue(path: made.events)
        try await database.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN")
            try database.execute(
                sql: "INSERT INTO rejected VALUES (1, 1, 'x', 'x', 1, zeroblob(1000000), 0); DELETE FROM meta")
            // Copied in the middle of the transaction: as a kill would leave them.
            for file in ["events.sqlite", "events.sqlite-journal"] {
                try FileManager.default.copyItem(atPath: "\(made.path)/\(file)", toPath: "\(killed.path)/\(file)")
            }
            try database.execute(sql: "ROLLBACK")
        }
        let opened = try await killed.open()
        #expect(try await opened.log.rejectedCount() == 0)
        await opened.close()
    }

    @Test func aDirectoryIsMadeWithItsParents() async throws {
        let directory = try TemporaryDirectory()
        let data = try await DataDirectory.open(
            directory.path + "/a/b/c", partitions: 2, logger: quiet, now: wallClock)
        #expect(data.log.partitionCount == 2)
        await data.close()
    }

    @Test func anExistingLogKeepsItsPartitions() async throws {
        let directory = try TemporaryDirectory()
        await (try directory.open(partitions: 2)).close()
        let again = try await directory.open(partitions: 5)
        #expect(again.log.partitionCount == 2)
        #expect(again.outputs.partitionCount == 2)
        await again.close()
    }

    @Test(arguments: ["events", "scores"])
    func aNewerSchemaIsRefused(file: String) async throws {
        let directory = try TemporaryDirectory()
        await (try directory.open()).close()
        let path = "\(directory.path)/\(file).sqlite"
        try DatabaseQueue(path: path).inDatabase { try $0.execute(sql: "PRAGMA user_version = 99") }
        for open in [{ try await directory.open() }, { try await DataDirectory.openReadOnly(directory.path) }] {
            let reason = try await refusal(open)
            #expect(reason.contains("\(path) was written by a newer dinghy (schema 99, this one knows "))
            #expect(reason.contains("upgrade this program"))
        }
    }

    @Test func anotherProgramsSQLiteFileIsRefusedAndLeftAsItWas() async throws {
        let directory = try TemporaryDirectory()
        try DatabaseQueue(path: directory.events).inDatabase { try $0.execute(sql: "CREATE TABLE photo (id INTEGER)") }
        let before = try Data(contentsOf: URL(filePath: directory.events))
        for open in [{ try await directory.open() }, { try await DataDirectory.openReadOnly(directory.path) }] {
            #expect(
                try await refusal(open)
                    == "\(directory.events) is an SQLite file, but none of Dinghy's: choose another data directory")
        }
        #expect(try Data(contentsOf: URL(filePath: directory.events)) == before)
    }

    @Test func aFileThatIsNotSQLiteIsRefusedAndLeftAsItWas() async throws {
        let directory = try TemporaryDirectory()
        let text = Data(String(repeating: "not a database\n", count: 1_000).utf8)
        try text.write(to: URL(filePath: directory.events))
        #expect(try await refusal { try await directory.open() }.contains("\(directory.events) is no SQLite file"))
        #expect(try Data(contentsOf: URL(filePath: directory.events)) == text)
    }

    @Test func aDirectoryThatIsNoneIsRefused() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/file"
        try Data().write(to: URL(filePath: path))
        let reason = try await refusal { try await DataDirectory.open(path, logger: quiet, now: wallClock) }
        #expect(reason == "the data directory \(path) cannot be made: there is a file of that name")
    }

    @Test func aDirectoryWhereNothingCanBeWrittenIsRefused() async throws {
        // Nobody, not even root, makes a file there.
        let reason = try await refusal { try await DataDirectory.open("/proc", logger: quiet, now: wallClock) }
        #expect(reason.contains("the data directory /proc cannot be written"))
        #expect(reason.contains("--data"))
    }

    @Test(.enabled(if: getuid() != 0, "root may write everywhere"))
    func aReadOnlyDirectoryIsRefused() async throws {
        let directory = try TemporaryDirectory()
        try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: directory.path)
        let reason = try await refusal { try await directory.open() }
        #expect(reason.contains("the data directory \(directory.path) cannot be written (Permission denied)"))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.path)
    }

    @Test func aDirectoryInUseNamesItsHolder() async throws {
        let directory = try TemporaryDirectory()
        #expect(DataDirectory.servingURL(directory.path) == nil)
        let child = try ChildProcess("hold", directory.path)
        #expect(await child.lines(1) == ["ready"])
        #expect(
            try await refusal { try await directory.open() } == """
                the data directory \(directory.path) is in use by process \(child.pid) at http://127.0.0.1:7777: stop \
                that process, talk to it with --url, or choose another directory with --data
                """)
        #expect(DataDirectory.servingURL(directory.path) == "http://127.0.0.1:7777")
        try child.endInput()
        #expect(await child.lines() == [])
        #expect(DataDirectory.servingURL(directory.path) == nil)
        await (try directory.open()).close()
    }

    @Test func aKilledHolderHoldsNothing() async throws {
        let directory = try TemporaryDirectory()
        let child = try ChildProcess("hold", directory.path)
        #expect(await child.lines(1) == ["ready"])
        child.kill()
        #expect(await child.lines() == [])
        #expect(DataDirectory.servingURL(directory.path) == nil)
        let data = try await directory.open()
        // What the killed one left behind is not taken for the new one's word.
        #expect(DataDirectory.servingURL(directory.path) == nil)
        await data.close()
    }

    @Test func aDirectoryIsOpenOnceInAProcess() async throws {
        let directory = try TemporaryDirectory()
        let data = try await directory.open()
        #expect(try await refusal { try await directory.open() }.contains("in use by process \(getpid()):"))
        await data.close()
        await (try directory.open()).close()
    }

    @Test func aDirectoryWithoutALogCannotBeRead() async throws {
        let directory = try TemporaryDirectory()
        #expect(
            try await refusal { try await DataDirectory.openReadOnly(directory.path) }
                == "there is no \(directory.events): is this a Dinghy data directory? serve or replay into it first")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [])
    }

    @Test func aLogOpenForReadingRefusesAppends() async throws {
        let directory = try TemporaryDirectory()
        let data = try await directory.open()
        _ = try await data.log.append([record(1)])
        await data.close()
        #expect(!FileManager.default.fileExists(atPath: directory.events + "-wal"))

        let reading = try await DataDirectory.openReadOnly(directory.path)
        #expect(try await contents(of: reading.log).map(\.value) == [record(1).value])
        await #expect {
            try await reading.log.append([record(2)])
        } throws: {
            "\($0)".contains("open for reading only")
        }
        await reading.close()
    }

    @Test func aClosedDirectoryAnswersThatItIsClosed() async throws {
        let directory = try TemporaryDirectory()
        let data = try await directory.open()
        let reader = try await data.log.reader(partition: 0, from: 0)
        let scores = try await data.outputs.reader(.scores, partition: 0, from: 0)
        let consumer = data.makeConsumer()
        _ = try await consumer.next(limit: 1, wait: .zero)
        try await consumer.begin(partition: 0, at: 0)
        // What stands in memory is given back, too.
        _ = try await data.log.append([NewRecord(key: "s:a", value: Array("{}".utf8), identity: 1)])
        try await consumer.commit([
            ScoredBatch(
                partition: 0, follows: nil, next: 1, lowWaterOffset: 1, position: "{}",
                scores: [OutputRecord(key: "s:a", value: Array("{}".utf8))], outcomes: [])
        ])
        await data.close()
        await data.close()
        await #expect(throws: EventLogError.closed) { try await scores.next(limit: 1, wait: .zero) }
        await #expect(throws: EventLogError.closed) { try await consumer.next(limit: 1, wait: .zero) }
        await #expect(throws: EventLogError.closed) { try await data.log.bounds(partition: 0) }
        await #expect(throws: EventLogError.closed) { try await reader.next(limit: 1, wait: .zero) }
        await #expect(throws: EventLogError.closed) { try await data.outputs.position(partition: 0) }
        await #expect(throws: EventLogError.closed) { try await consumer.commit([]) }
    }
}
