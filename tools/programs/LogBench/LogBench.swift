import BenchKit
import EmbeddedLog
import EventLog
import Events
import Foundation
import Logging

/// What the embedded log does on this machine's disk:
///
///     tools/bench log DIRECTORY
///
/// Makes a data directory below DIRECTORY for every line and removes it. Records are 200 bytes; every append is
/// acknowledged after an fsync.
@main
struct LogBench {
    static func main() async throws {
        guard CommandLine.arguments.count == 2 else {
            print("usage: LogBench DIRECTORY")
            exit(64)
        }
        let directory = CommandLine.arguments[1]
        print("| what | records/s | per call p50 | p99 | max |\n| --- | ---: | ---: | ---: | ---: |")
        let price = try SyncPrice.measure(in: directory)
        line("overwrite 4 KiB and fdatasync", records: price.count, callDurations: price)
        for (tasks, batch) in [(1, 1), (64, 1), (1, 100), (8, 100), (1, 1_000), (8, 1_000)] {
            try await appending(directory, tasks: tasks, batch: batch)
        }
        try await replaying(directory, batch: 1_000)
        try await consuming(directory, records: 1_000_000)
    }

    static func appending(_ directory: String, tasks: Int, batch: Int) async throws {
        try await withLog(directory) { data in
            let target = batch == 1 ? 100_000 : 1_000_000
            let calls = max(1, target / tasks / batch)
            let started = ContinuousClock.now
            let durations = try await withThrowingTaskGroup(of: [Duration].self) { group in
                for task in 0..<tasks {
                    group.addTask {
                        try await timed(calls) { call in
                            let first = (task * calls + call) * batch
                            _ = try await data.log.append((first..<(first + batch)).map { record($0) })
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            let name = "append, \(tasks) callers × \(batch) records"
            line(name, records: tasks * calls * batch, callDurations: durations, since: started)
        }
    }

    static func replaying(_ directory: String, batch: Int) async throws {
        try await withLog(directory) { data in
            let started = ContinuousClock.now
            let durations = try await timed(1_000) { call in
                let first = call * batch
                let rows = (first..<(first + batch)).map {
                    ReplayRow(number: Int64($0 + 1), content: .event(record($0)))
                }
                _ = try await data.log.append(rows, ofReplay: "bench")
            }
            let name = "append of a replay, 1 caller × \(batch) rows"
            line(name, records: 1_000 * batch, callDurations: durations, since: started)
        }
    }

    /// Pulls records and commits a score of 300 bytes for each.
    static func consuming(_ directory: String, records: Int) async throws {
        try await withLog(directory) { data in
            for first in stride(from: 0, to: records, by: 1_000) {
                _ = try await data.log.append((first..<(first + 1_000)).map { record($0) })
            }
            let reader = try await data.log.reader(partition: 0, from: 0)
            var started = ContinuousClock.now
            var read = 0
            while case let got = try await reader.next(limit: 1_000, wait: .zero), !got.isEmpty { read += got.count }
            line("scan, 1,000 a call", records: read, callDurations: [], since: started)

            let consumer = data.makeConsumer()
            let score = OutputRecord(key: "s:k", value: [UInt8](repeating: 120, count: 300))
            var follows: Int64?
            var durations: [Duration] = []
            started = ContinuousClock.now
            while (follows ?? 0) < records {
                let before = ContinuousClock.now
                switch try await consumer.next(limit: 1_000) {
                case .assigned: try await consumer.begin(partition: 0, at: 0)
                case .records(let partition, let got):
                    let next = (got.last?.offset ?? 0) + 1
                    let batch = ScoredBatch(
                        partition: partition, follows: follows, next: next, lowWaterOffset: 0,
                        position: String(repeating: "p", count: 400),
                        scores: got.map { _ in score }, outcomes: [])
                    try await consumer.commit([batch])
                    follows = next
                    durations.append(ContinuousClock.now - before)
                default: break
                }
            }
            line(
                "next and commit, 1,000 a call, a score each", records: records, callDurations: durations,
                since: started)
        }
    }

    static func withLog(_ directory: String, _ body: (DataDirectory) async throws -> Void) async throws {
        let path = directory + "/log-\(UUID().uuidString)"
        let data = try await DataDirectory.open(path, logger: Logger(label: "bench")) {
            Int64(Date().timeIntervalSince1970 * 1_000)
        }
        try await body(data)
        await data.close()
        try FileManager.default.removeItem(atPath: path)
    }

    static func record(_ number: Int) -> NewRecord {
        var value = Array(#"{"id":"\#(number)","session":"k","type":"detail","padding":""#.utf8)
        value.append(contentsOf: repeatElement(120, count: 198 - value.count))
        value.append(contentsOf: [34, 125])
        return NewRecord(key: "s:k", value: value, identity: UInt64(number + 1) &* 0x9e37_79b9_7f4a_7c15)
    }

    static func timed(_ calls: Int, _ body: (Int) async throws -> Void) async throws -> [Duration] {
        var durations: [Duration] = []
        durations.reserveCapacity(calls)
        for call in 0..<calls {
            let started = ContinuousClock.now
            try await body(call)
            durations.append(ContinuousClock.now - started)
        }
        return durations
    }

    static func line(
        _ name: String, records: Int, callDurations: [Duration], since started: ContinuousClock.Instant? = nil
    ) {
        let sorted = callDurations.sorted()
        let whole = started.map { ContinuousClock.now - $0 } ?? sorted.reduce(.zero, +)
        func at(_ share: Double) -> String {
            sorted.isEmpty
                ? "" : "\(Int(sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))] / .microseconds(1))) µs"
        }
        print("| \(name) | \(Int(Double(records) / (whole / .seconds(1)))) | \(at(0.5)) | \(at(0.99)) | \(at(1)) |")
    }
}
