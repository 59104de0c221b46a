import EmbeddedLog
import EventLog
import Events
import Foundation
import Logging
import SpooledLog

/// Spooled logs for `LogProcess`.
enum Spooling {
    /// Appends for ever while the log is away: every ID that is spooled, once it is.
    static func fill(_ directory: String) async throws {
        let spooled = try await open(over: AwayLog(), directory)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0... { try await append("\(getpid())-\(task)-\(number)", task, to: spooled) }
                }
            }
            try await group.waitForAll()
        }
    }

    /// The same with one task and files of at most so many bytes until the first failure, then ten more without.
    static func fill(_ directory: String, bytes: UInt64) async throws {
        let spooled = try await open(over: AwayLog(), directory)
        try LogProcess.limitFiles(to: rlim_t(bytes))
        do {
            for number in 0... { try await append("before-\(number)", 0, to: spooled) }
        } catch {
            LogProcess.say("full: \(error)")
        }
        try LogProcess.limitFiles(to: rlim_t.max)
        for number in 0..<10 { try await append("after-\(number)", 0, to: spooled) }
        await spooled.close()
    }

    private static func append(_ id: String, _ task: Int, to log: SpooledLog) async throws {
        let value = Array(#"{"id":"\#(id)","padding":"\#(String(repeating: "x", count: 150))"}"#.utf8)
        let record = NewRecord(key: "s:\(task)", value: value, identity: StableHash.of(id))
        let verdicts = try await log.append([record])
        guard verdicts == [.spooled] else { preconditionFailure("Spooling.append: \(verdicts)") }
        LogProcess.say(id)
    }

    /// Drains into the embedded log of `DIR/log`, and says how many records are left whenever that changes, until none
    /// is.
    static func drain(_ directory: String) async throws {
        let data = try await LogProcess.open(directory + "/log")
        let spooled = try await open(over: data.log, directory)
        var told: Int64?
        while told != 0 {
            let waiting = spooled.status.records
            if waiting != told { LogProcess.say("\(waiting)") }
            told = waiting
            await Task.yield()
        }
        await spooled.close()
        await data.close()
    }

    private static func open(over log: any EventLog, _ directory: String) async throws -> SpooledLog {
        var settings = SpoolSettings(directory: directory + "/spool", maxBytes: 1 << 30)
        settings.segmentBytes = 100_000
        settings.batchRecords = 50
        return try await SpooledLog.open(over: log, settings, logger: Logger(label: "process")) {
            Int64(Date().timeIntervalSince1970 * 1_000)
        }
    }

    /// A log that cannot be reached.
    private struct AwayLog: EventLog {
        let partitionCount = 1
        let durability = Durability.broker
        private var away: EventLogError { .failed("nobody is there") }

        func append(_ records: [NewRecord]) async throws(EventLogError) -> [AppendVerdict] { throw away }
        func append(_ rows: [ReplayRow], ofReplay name: String) async throws(EventLogError) -> ReplayAppended {
            throw away
        }
        func endReplay(_ name: String) async throws(EventLogError) { throw away }
        func replayMark(_ name: String) async throws(EventLogError) -> ReplayMark? { throw away }
        func appendTick(partition: Int) async throws(EventLogError) { throw away }
        func reject(_ records: [RejectedRecord]) async throws(EventLogError) { throw away }
        func rejected(from number: Int64, limit: Int) async throws(EventLogError) -> [RejectedRecord] { throw away }
        func rejectedCount() async throws(EventLogError) -> Int64 { throw away }
        func bounds(partition: Int) async throws(EventLogError) -> Range<Int64> { throw away }
        func firstOffset(partition: Int, atOrAfter time: Int64) async throws(EventLogError) -> Int64 { throw away }
        func reader(partition: Int, from offset: Int64) async throws(EventLogError) -> any EventReader { throw away }
        func close() async {}
    }
}
