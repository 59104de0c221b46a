import ArgumentParser
import ChaosChecks
import EmbeddedLog
import EventLog
import Foundation

/// Folds a directory at rest once more, by the reference, and compares everything that stands in it.
struct ReferenceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reference",
        abstract: "Compares a data directory with the reference fold, a second reading of the session rules.",
        discussion: """
            For a directory on which everything is scored and nothing runs. With --ledger also compares what clients
            were promised with what is stored. `tools/chaos embedded` runs it as its last step; by hand:

              tools/chaos reference /tmp/dinghy-chaos-1234abcd/shared

            Exit code: 0 no difference, 1 differences, 2 the directory cannot be read.
            """)

    @Argument(help: "The data directory.")
    var directory: String
    @Option(help: "What clients were promised, as `embedded` keeps it.")
    var ledger: String?
    @Option(help: "A copy of the directory from before retention removed its beginning.")
    var past: String?
    @Flag(help: "As JSON.")
    var json = false

    /// What it says as JSON.
    struct Result: Codable {
        var findings: [String] = []
        /// Records by account, and what else was counted.
        var counts: [String: Int64] = [:]
        /// Rows by replay.
        var rows: [String: Int] = [:]
        /// End marks by replay.
        var ends: [String: Int] = [:]
    }

    func run() async throws {
        let result: Result
        do {
            let ledger = try ledger.map {
                try JSONDecoder().decode(Ledger.self, from: Data(contentsOf: URL(filePath: $0)))
            }
            result = try await Self.reckon(directory, past: past, ledger)
        } catch {
            note("\(directory) cannot be compared: \(error)")
            throw ExitCode(2)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        if json {
            print(String(decoding: try encoder.encode(result), as: UTF8.self))
        } else {
            for (name, count) in result.counts.sorted(by: { $0.key < $1.key }) { print("\(name): \(count)") }
            for finding in result.findings { print("BROKEN: \(finding)") }
            print(result.findings.isEmpty ? "no difference" : "\(result.findings.count) differences")
        }
        if !result.findings.isEmpty { throw ExitCode(1) }
    }

    private static func reckon(_ path: String, past: String?, _ ledger: Ledger?) async throws -> Result {
        let directory = try await DataDirectory.openReadOnly(path)
        var copy: DataDirectory?
        if let past { copy = try await DataDirectory.openReadOnly(past) }
        var result = Result()
        var firsts: [String: [String: Int64]] = [:]
        for partition in 0..<directory.log.partitionCount {
            let reckoning = try await reckon(partition, directory, past: copy)
            result.findings += reckoning.findings(position: try await directory.outputs.position(partition: partition))
            firsts.merge(reckoning.firsts) { $0.merging($1) { first, _ in first } }
            for (replay, rows) in reckoning.rows { result.rows[replay, default: 0] += rows.count }
            for (replay, ends) in reckoning.ends { result.ends[replay, default: 0] += ends }
            let fold = reckoning.fold
            for account in ReferenceFold.Account.allCases {
                result.counts[account.rawValue, default: 0] += fold.accounts[account] ?? 0
            }
            result.counts["records", default: 0] += reckoning.next
            result.counts["removed by retention", default: 0] += reckoning.removedBefore
            result.counts["outcomes", default: 0] += Int64(fold.outcomes.count)
            result.counts["open sessions", default: 0] += Int64(fold.openSessions)
        }
        firsts = firsts.filter { !$0.key.hasPrefix(Past.prefix) }
        result.counts["live events"] = firsts.values.reduce(0) { $0 + Int64($1.count) }
        if let ledger {
            result.findings += ledger.violations(firsts: firsts) + ledger.strangers(firsts: firsts)
            result.counts["unknown, and stored"] = firsts.values.reduce(0) { sum, ids in
                sum + Int64(ids.keys.count(where: ledger.unknown.contains))
            }
        }
        await directory.close()
        await copy?.close()
        return result
    }

    private static func reckon(
        _ partition: Int, _ directory: DataDirectory, past: DataDirectory?
    ) async throws -> Reckoning {
        var reckoning = Reckoning(partition: partition, partitions: directory.log.partitionCount)
        reckoning.removedBefore = try await directory.log.bounds(partition: partition).lowerBound
        if reckoning.removedBefore > 0 {
            guard let past else {
                throw EventLogError.unusable(
                    "partition \(partition) begins at offset \(reckoning.removedBefore): what retention has removed "
                        + "wants --past")
            }
            let gone = try await past.log.reader(partition: partition, from: 0)
            while case let records = try await gone.next(limit: 2_000, wait: .zero), !records.isEmpty {
                for record in records where record.offset < reckoning.removedBefore {
                    reckoning.take(event: record.value, offset: record.offset, time: record.time)
                }
            }
        }
        let events = try await directory.log.reader(partition: partition, from: reckoning.removedBefore)
        while case let records = try await events.next(limit: 2_000, wait: .zero), !records.isEmpty {
            for record in records {
                reckoning.take(event: record.value, offset: record.offset, time: record.time)
            }
        }
        let scores = try await directory.outputs.reader(.scores, partition: partition, from: 0)
        while case let records = try await scores.next(limit: 2_000, wait: .zero), !records.isEmpty {
            for record in records { reckoning.take(score: record.value) }
        }
        let outcomes = try await directory.outputs.reader(.outcomes, partition: partition, from: 0)
        while case let records = try await outcomes.next(limit: 2_000, wait: .zero), !records.isEmpty {
            for record in records { reckoning.take(outcome: record.value) }
        }
        return reckoning
    }
}
