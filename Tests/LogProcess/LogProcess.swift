import EmbeddedLog
import EventLog
import Events
import Foundation
import Logging

/// Another process at a data directory, for tests of what one process cannot show: being killed, being locked out, a
/// full disk, memory. Says on its standard output, a line at a time, what the log has acknowledged to it.
///
///     LogProcess hold DIR        opens DIR, says `ready`, and holds it until its input ends
///     LogProcess append DIR      appends for ever from many tasks: `PARTITION OFFSET ID` once a record is stored
///     LogProcess score DIR       appends and commits a score a record for ever: `NEXT` once it is committed
///     LogProcess fill DIR BYTES  as `append`, one task, with files of at most BYTES until the first failure; then says
///                                `full: REASON`, lifts the limit, appends ten more and closes
///     LogProcess scan DIR        reads everything beside whoever writes: `RECORDS GROWTH`, by how many KiB it grew
///     LogProcess migrate DIR     opens DIR, closes it and says `done`
///     LogProcess retain DIR      removes what is older than an hour, by a clock that is two hours ahead, and says `done`
///     LogProcess repair DIR      cuts off the damaged end of DIR's log and says `done`
///     LogProcess step DIR        opens DIR, says `ready`, and does what its input says, a line a reply:
///                                `append ID`, `many N` (1,000 from N on), `read` (all: how many), `close`
///     LogProcess spool DIR       appends for ever to a log that is away: `ID` once it is spooled in DIR/spool
///     LogProcess spoolfull DIR BYTES   as `spool`, one task, as `fill` does it
///     LogProcess drain DIR       drains DIR/spool into DIR/log: how many records are left, until none is
@main
struct LogProcess {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else { exit(64) }
        let directory = arguments[2]
        do {
            switch arguments[1] {
            case "hold": try await hold(directory)
            case "append": try await append(try await open(directory))
            case "score": try await score(try await open(directory))
            case "fill": try await fill(directory, bytes: UInt64(arguments[3]) ?? 0)
            case "scan": try await scan(directory)
            case "migrate":
                await (try await open(directory)).close()
                say("done")
            case "repair":
                let repair = try await TailRepair(directory)
                try await repair.apply(nil)
                await repair.close()
                say("done")
            case "retain": try await retain(directory)
            case "step": try await step(directory)
            case "spool": try await Spooling.fill(directory)
            case "spoolfull": try await Spooling.fill(directory, bytes: UInt64(arguments[3]) ?? 0)
            case "drain": try await Spooling.drain(directory)
            default: exit(64)
            }
        } catch {
            say("failed: \(error)")
            exit(1)
        }
    }

    static func open(_ directory: String) async throws -> DataDirectory {
        try await DataDirectory.open(directory, partitions: 2, logger: Logger(label: "process")) {
            Int64(Date().timeIntervalSince1970 * 1_000)
        }
    }

    static func hold(_ directory: String) async throws {
        let data = try await open(directory)
        try data.announce(url: "http://127.0.0.1:7777")
        say("ready")
        while readLine() != nil {}
        await data.close()
    }

    static func retain(_ directory: String) async throws {
        var retention = RetentionSettings(age: .seconds(3_600))
        retention.step = 100
        retention.delay = .seconds(100_000)
        let data = try await DataDirectory.open(
            directory, partitions: 2, retention: retention, logger: Logger(label: "process")
        ) { Int64(Date().timeIntervalSince1970 * 1_000) + 2 * 3_600_000 }
        _ = try await data.sweep()
        await data.close()
        say("done")
    }

    static func step(_ directory: String) async throws {
        let data = try await open(directory)
        say("ready")
        while let line = readLine() {
            let words = line.split(separator: " ").map(String.init)
            do {
                switch (words[0], words.dropFirst().first) {
                case ("append", let id?): say(try await append([id], to: data))
                case ("many", let first?):
                    let first = Int(first) ?? 0
                    say(try await append((first..<(first + 1_000)).map { "\($0)" }, to: data))
                case ("read", _): say("\(try await readAll(data))")
                case ("close", _):
                    await data.close()
                    say("closed")
                    return
                default: exit(64)
                }
            } catch {
                // Some errors quote SQL, which has lines.
                say("failed: " + "\(error)".replacingOccurrences(of: "\n", with: " "))
            }
        }
    }

    static func append(_ ids: [String], to data: DataDirectory) async throws -> String {
        let records = ids.map { id in
            let value = #"{"id":"\#(id)","padding":"\#(String(repeating: "x", count: 150))"}"#
            return NewRecord(key: "s:\(id)", value: Array(value.utf8), identity: StableHash.of(id))
        }
        let verdicts = try await data.log.append(records)
        return verdicts.allSatisfy { $0 == .duplicate } ? "duplicate" : "stored"
    }

    static func readAll(_ data: DataDirectory) async throws -> Int {
        var records = 0
        for partition in 0..<data.log.partitionCount {
            let reader = try await data.log.reader(partition: partition, from: 0)
            while case let got = try await reader.next(limit: 1_000, wait: .zero), !got.isEmpty { records += got.count }
        }
        return records
    }

    static func append(_ data: DataDirectory) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<16 {
                group.addTask {
                    for number in 0... {
                        try await store((0...(number % 4)).map { "\(getpid())-\(task)-\(number)-\($0)" }, in: data)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    static func store(_ ids: [String], in data: DataDirectory) async throws {
        let records = ids.map { id in
            let value = #"{"id":"\#(id)","padding":"\#(String(repeating: "x", count: 150))"}"#
            return NewRecord(key: "s:\(id)", value: Array(value.utf8), identity: StableHash.of(id))
        }
        let verdicts = try await data.log.append(records)
        for case (let id, .stored(let location)) in zip(ids, verdicts) {
            say("\(location.partition) \(location.offset) \(id)")
        }
    }

    static func score(_ data: DataDirectory) async throws {
        let consumer = data.makeConsumer()
        async let appending: Void = {
            for number in 0... {
                let value = Array(#"{"id":"\#(getpid())-\#(number)"}"#.utf8)
                let record = NewRecord(key: "s:k", value: value, identity: StableHash.of("\(getpid())-\(number)"))
                _ = try await data.log.append([record])
            }
        }()
        var follows: [Int: Int64] = [:]
        while true {
            switch try await consumer.next(limit: 10) {
            case .assigned(let partitions):
                for partition in partitions {
                    follows[partition.partition] = partition.position.flatMap { Int64($0) }
                    let start = follows[partition.partition] ?? 0
                    try await consumer.begin(partition: partition.partition, at: start)
                }
            case .records(let partition, let records):
                let next = (records.last?.offset ?? 0) + 1
                let scores = records.map { OutputRecord(key: "s:k", value: Array("\($0.offset)".utf8)) }
                try await consumer.commit([
                    ScoredBatch(
                        partition: partition, follows: follows[partition], next: next, lowWaterOffset: next,
                        position: "\(next)", scores: scores, outcomes: [])
                ])
                follows[partition] = next
                say("\(next)")
            default: continue
            }
        }
        try await appending
    }

    static func fill(_ directory: String, bytes: UInt64) async throws {
        let data = try await open(directory)
        try limitFiles(to: rlim_t(bytes))
        var number = 0
        do {
            while true {
                try await store((0..<20).map { "before-\(number)-\($0)" }, in: data)
                number += 1
            }
        } catch {
            say("full: \(error)")
        }
        try limitFiles(to: rlim_t.max)
        for number in 0..<10 { try await store(["after-\(number)"], in: data) }
        await data.close()
    }

    /// A file that would grow beyond it cannot be written: as on a full disk.
    static func limitFiles(to bytes: rlim_t) throws {
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: bytes, rlim_max: rlim_t.max)
        guard setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { exit(71) }
    }

    static func scan(_ directory: String) async throws {
        let data = try await DataDirectory.openReadOnly(directory)
        var records = 0
        var before: Int?
        for partition in 0..<data.log.partitionCount {
            let reader = try await data.log.reader(partition: partition, from: 0)
            while case let got = try await reader.next(limit: 1_000, wait: .zero), !got.isEmpty {
                records += got.count
                // What the first batches need is needed once.
                if before == nil, records > 20_000 { before = try peakMemory_KiB() }
            }
        }
        say("\(records) \(try peakMemory_KiB() - (before ?? 0))")
    }

    /// `VmHWM`, which begins anew with the program, unlike `ru_maxrss`.
    static func peakMemory_KiB() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) } ?? -1
    }

    /// Unbuffered: what is said must have left the process when it is killed.
    static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        precondition(write(1, bytes, bytes.count) == bytes.count, "LogProcess.say: the pipe is gone")
    }
}
