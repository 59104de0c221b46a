import EmbeddedLog
import EventLog
import Foundation
import LogContract
import Testing

/// What a disk that fails does to the log: nothing that was acknowledged is lost, and after a failure nothing is
/// acknowledged before a restart has looked.
struct FailingDiskTests {
    /// A process at a data directory that lives on a failing disk; `nil` where there is no C compiler.
    private struct Machine {
        let directory: TemporaryDirectory
        let disk: FailingDisk
        private let tools: TemporaryDirectory

        init?() throws {
            tools = try TemporaryDirectory()
            directory = try TemporaryDirectory()
            guard let disk = try FailingDisk(in: tools.path) else {
                print("skipped: there is no C compiler")
                return nil
            }
            self.disk = disk
        }

        func start() async throws -> ChildProcess {
            let child = try ChildProcess("step", directory.path, environment: disk.environment)
            let said = await child.lines(1)
            try #require(said == ["ready"])
            return child
        }

        /// The ids that are stored, in the order of the log.
        func ids() async throws -> [String] {
            let data = try await DataDirectory.openReadOnly(directory.path)
            defer { Task { await data.close() } }
            var ids: [String] = []
            for partition in 0..<data.log.partitionCount {
                ids += try await contents(of: data.log, partition: partition).map { try id($0.value) }
            }
            return ids
        }
    }

    private static func ask(_ child: ChildProcess, _ line: String) async throws -> String {
        try child.say(line)
        return await child.lines(1).first ?? "it has ended"
    }

    enum Failure: String, CaseIterable, CustomTestStringConvertible {
        case fsync
        case write
        case shortWrite
        var testDescription: String { rawValue }
        var trouble: FailingDisk.Trouble {
            switch self {
            case .fsync: .fsyncFails
            case .write: .writesFail(EIO)
            case .shortWrite: .writesAreShort
            }
        }
    }

    @Test(arguments: Failure.allCases, ["close", "kill"])
    func afterAFailureNothingIsAcknowledgedBeforeARestart(failure: Failure, end: String) async throws {
        guard let machine = try Machine() else { return }
        var child = try await machine.start()
        #expect(try await Self.ask(child, "append a") == "stored")
        try machine.disk.begin(failure.trouble, of: "events.sqlite-wal")
        let reply = try await Self.ask(child, "append b")
        #expect(reply.hasPrefix("failed: events.sqlite is no longer written since its disk failed"), "\(reply)")
        try machine.disk.end()
        // The disk has come back, but what it holds is not known.
        let later = try await Self.ask(child, "append c")
        #expect(later == reply)
        if end == "close" {
            #expect(try await Self.ask(child, "close") == "closed")
        } else {
            child.kill()
        }
        _ = await child.lines()

        child = try await machine.start()
        #expect(["stored", "duplicate"].contains(try await Self.ask(child, "append b")))
        #expect(try await Self.ask(child, "append a") == "duplicate")
        #expect(try await Self.ask(child, "append c") == "stored")
        #expect(try await Self.ask(child, "close") == "closed")
        #expect(try await machine.ids().sorted() == ["a", "b", "c"])
        #expect(!FileManager.default.fileExists(atPath: machine.directory.path + "/failed"))
    }

    @Test func aFullDiskRecoversByItself() async throws {
        guard let machine = try Machine() else { return }
        let child = try await machine.start()
        #expect(try await Self.ask(child, "append a") == "stored")
        try machine.disk.begin(.writesFail(ENOSPC), of: "events.sqlite-wal")
        for _ in 0..<3 {
            let reply = try await Self.ask(child, "append b")
            #expect(reply.contains("the disk is full; what was acknowledged is safe"), "\(reply)")
        }
        try machine.disk.end()
        #expect(try await Self.ask(child, "append b") == "stored")
        #expect(try await Self.ask(child, "close") == "closed")
        #expect(try await machine.ids().sorted() == ["a", "b"])
    }

    @Test func aCheckpointThatFailsStopsTheWriter() async throws {
        guard let machine = try Machine() else { return }
        var child = try await machine.start()
        #expect(try await Self.ask(child, "append a") == "stored")
        try machine.disk.begin(.fsyncFails, of: "events.sqlite")
        var stored = 0
        while case let reply = try await Self.ask(child, "many \(stored)"), stored < 400_000 {
            guard reply == "stored" else {
                #expect(reply.hasPrefix("failed: events.sqlite is no longer written"), "\(reply)")
                break
            }
            stored += 1_000
        }
        #expect(stored < 400_000)
        try machine.disk.end()
        #expect(try await Self.ask(child, "close") == "closed")
        child = try await machine.start()
        #expect(try await Self.ask(child, "append a") == "duplicate")
        #expect(try await Self.ask(child, "append z") == "stored")
        #expect(try await Self.ask(child, "close") == "closed")
        let ids = try await machine.ids()
        #expect(ids.count >= stored + 2)
        #expect(Set(ids).count == ids.count)
    }

    @Test func whatCannotBeReadIsSaid() async throws {
        guard let machine = try Machine() else { return }
        var child = try await machine.start()
        // More than SQLite's cache holds.
        for first in stride(from: 0, to: 20_000, by: 1_000) {
            #expect(try await Self.ask(child, "many \(first)") == "stored")
        }
        #expect(try await Self.ask(child, "close") == "closed")
        child = try await machine.start()
        try machine.disk.begin(.readsFail, of: "events.sqlite")
        let reply = try await Self.ask(child, "read")
        // SQLite takes a page that cannot be read for one that is damaged.
        #expect(reply.contains("could not be read from offset 0 on: the file is damaged"), "\(reply)")
        try machine.disk.end()
        #expect(try await Self.ask(child, "read") == "20000")
        #expect(try await Self.ask(child, "close") == "closed")
    }
}
