import EmbeddedLog
import EventLog
import Foundation

import enum EventLog.OutputStream

/// Counts what a data directory holds, by rules of its own: it knows JSON and the words of the records, nothing of the
/// fold. Every record of the log must be in exactly one account; two scores for one record, or none where one is due,
/// are violations.
struct Bookkeeper {
    /// Ids of all events, by how often they stand on the log.
    var events: [String: Int] = [:]
    var control = 0
    var scored = 0
    var afterPurchase = 0
    var repeated = 0
    var outcomes = 0
    var violations: [String] = []

    /// For logs on which no session is silent for long: a key and timeline is then one session.
    static func read(_ path: String) async throws -> Bookkeeper {
        var books = Bookkeeper()
        let directory = try await DataDirectory.openReadOnly(path)
        for partition in 0..<directory.log.partitionCount {
            var scores: [Int64: Int] = [:]
            try await each(directory.outputs, .scores, partition) { score in
                guard let offset = score["offset"] as? Int, let value = score["score"] as? Double, value > 0, value < 1
                else { return books.violations.append("a score record without offset or probability: \(score)") }
                scores[Int64(offset), default: 0] += 1
            }
            try await each(directory.outputs, .outcomes, partition) { _ in books.outcomes += 1 }
            try await books.count(directory.log, partition, scores: scores)
        }
        await directory.close()
        return books
    }

    private mutating func count(_ log: EmbeddedLog, _ partition: Int, scores: [Int64: Int]) async throws {
        var scores = scores
        var seen: [String: Set<String>] = [:]
        var bought: Set<String> = []
        var expected = try await log.bounds(partition: partition).lowerBound
        let reader = try await log.reader(partition: partition, from: expected)
        while case let records = try await reader.next(limit: 1_000, wait: .zero), !records.isEmpty {
            for record in records {
                if record.offset != expected { violations.append("offset \(record.offset) follows \(expected - 1)") }
                expected = record.offset + 1
                let count = scores.removeValue(forKey: record.offset) ?? 0
                guard let fields = try JSONSerialization.jsonObject(with: Data(record.value)) as? [String: Any] else {
                    violations.append("\(partition)/\(record.offset) is no JSON object")
                    continue
                }
                if fields["control"] != nil {
                    control += 1
                    if count != 0 { violations.append("\(partition)/\(record.offset): a control record is scored") }
                    continue
                }
                let id = fields["id"] as? String ?? ""
                events[id, default: 0] += 1
                let key = "\(fields["timeline"] ?? "live") \(fields["session"] ?? fields["visitor"] ?? "")"
                let isNew = seen[key, default: []].insert(id).inserted
                let isPurchase = fields["type"] as? String == "purchase"
                if isPurchase, isNew { bought.insert(key) }
                let due = isNew && !bought.contains(key) ? 1 : 0
                if count != due {
                    violations.append("\(partition)/\(record.offset): scored \(count) times instead of \(due)")
                }
                if due == 1 { scored += 1 } else if isNew { afterPurchase += 1 } else { repeated += 1 }
            }
        }
        for offset in scores.keys.sorted() { violations.append("\(partition)/\(offset) is scored, but not on the log") }
    }

    private static func each(
        _ outputs: EmbeddedOutputs, _ stream: OutputStream, _ partition: Int, _ body: ([String: Any]) -> Void
    ) async throws {
        let start = try await outputs.bounds(stream, partition: partition).lowerBound
        let reader = try await outputs.reader(stream, partition: partition, from: start)
        while case let records = try await reader.next(limit: 1_000, wait: .zero), !records.isEmpty {
            for record in records {
                body(try JSONSerialization.jsonObject(with: Data(record.value)) as? [String: Any] ?? [:])
            }
        }
    }
}
