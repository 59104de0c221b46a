import EmbeddedLog
import EventLog
import Foundation
import GRDB
import Testing

/// What is found again in files that somebody else left or cut short.
struct RecoveryTests {
    @Test func offsetsGoOnWhereOldRecordsWereRemoved() async throws {
        let directory = try TemporaryDirectory()
        var data = try await directory.open()
        for number in 0..<10 { _ = try await data.log.append([record(number)]) }
        let newest = try await contents(of: data.log).suffix(1)
        await data.close()
        try DatabaseQueue(path: directory.events).inDatabase {
            try $0.execute(sql: "DELETE FROM event_batch WHERE key < 9")
        }

        data = try await directory.open()
        #expect(try await data.log.bounds(partition: 0) == 9..<10)
        #expect(try await data.log.firstOffset(partition: 0, atOrAfter: 0) == 9)
        #expect(try await data.log.append([record(10)]) == [.stored(Location(partition: 0, offset: 10))])
        // A reader from before what is left is told so.
        await #expect {
            try await data.log.reader(partition: 0, from: 0).next(limit: 10, wait: .zero)
        } throws: {
            "\($0)".contains("no longer holds offsets 0 to 8: ") && "\($0)".contains("read from 9 on")
        }
        let stored = try await data.log.reader(partition: 0, from: 9).next(limit: 10, wait: .zero)
        #expect(stored.map(\.offset) == [9, 10])
        #expect(stored[..<1] == newest)
        await data.close()
    }

    @Test func whatAKilledWriterLeftIsReadWithoutWriting() async throws {
        let directory = try TemporaryDirectory()
        let data = try await directory.open()
        for number in 0..<50 { _ = try await data.log.append([record(number)]) }
        let expected = try await contents(of: data.log)
        // As `kill -9` leaves the files: all that is stored stands in the WAL alone.
        let killed = try TemporaryDirectory()
        for file in try FileManager.default.contentsOfDirectory(atPath: directory.path)
        where !file.hasSuffix("-shm") {
            try FileManager.default.copyItem(atPath: "\(directory.path)/\(file)", toPath: "\(killed.path)/\(file)")
        }
        await data.close()
        let before = try Data(contentsOf: URL(filePath: killed.events))

        for _ in 0..<2 {
            let reading = try await DataDirectory.openReadOnly(killed.path)
            #expect(try await contents(of: reading.log) == expected)
            await reading.close()
        }
        #expect(try Data(contentsOf: URL(filePath: killed.events)) == before)
        let writing = try await killed.open()
        #expect(try await contents(of: writing.log) == expected)
        await writing.close()
    }

    @Test func aRejectionComesBackWithEveryCharacterOfItsReason() async throws {
        let directory = try TemporaryDirectory()
        var data = try await directory.open()
        let rejected = RejectedRecord(
            time: 1, source: "a\0b", reason: "type: unknown `\0\u{1F6D2}\0`", line: 3, bytes: [0, 255])
        try await data.log.reject([rejected])
        await data.close()
        data = try await directory.open()
        #expect(try await data.log.rejected(from: 0, limit: 10) == [rejected])
        await data.close()
    }
}
