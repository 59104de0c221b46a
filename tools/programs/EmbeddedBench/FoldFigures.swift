import ArgumentParser
import BenchKit
import EventLog
import Events
import Foundation
import Intent
import KafkaRig
import Scoring
import Sessions
import Simulation

/// In memory, one thread: decoding, and what follows it up to the score; and what an open session weighs.
struct FoldFigures: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fold", abstract: "Decoding, folding, scoring; memory of open sessions.")

    @Option(help: "Open sessions at 1×.")
    var sessions = 10_000
    @Option(help: "Events of a round; five rounds follow one another.")
    var events = 100_000
    @Option(name: .customLong("growth"), help: "How many times the open sessions of 1×.")
    var growths: [Int] = [1, 4, 16]
    @Option(help: "Decode, fold or outputs alone: for a profile.")
    var only: Part?

    private static let rounds = 5

    enum Part: String, CaseIterable, ExpressibleByArgument {
        case decode, fold, outputs

        var name: String {
            switch self {
            case .decode: "decode JSON event"
            case .fold: "fold + encode + step + calibrate"
            case .outputs: "record → outputs (all of it, and JSON out)"
            }
        }

        var target: String {
            switch self {
            case .decode: "2,000 k"
            case .fold: "800 k"
            case .outputs: "–"
            }
        }
    }

    func run() async throws {
        let parts = only.map { [$0] } ?? Part.allCases
        let model = try ShopLog.model()
        Figures.head(
            "one core, median of \(Self.rounds)", "open sessions", "events a processor second", "target", "ns an event",
            "spread")
        for growth in growths {
            var subject = Subject(model: model, openSessions: sessions * growth)
            subject.warmUp(parts)
            var costs: [Part: [Double]] = [:]
            for _ in 0..<Self.rounds {
                for (part, cost) in subject.round(events, parts) {
                    costs[part, default: []].append(cost.processor * 1e9 / Double(events))
                }
            }
            for part in parts {
                let each = costs[part] ?? []
                Figures.row(
                    part.name, "\(subject.openSessions)", Figures.thousands(1e9 / Figures.median(each)), part.target,
                    String(format: "%.0f", Figures.median(each)), Figures.spread(each, "%.0f"))
            }
        }
        Figures.say("\n\(Figures.load)")
        if only == nil { try await memory() }
    }

    // MARK: Memory

    private func memory() async throws {
        let lengths = Self.lengths()
        let median = lengths[lengths.count / 2]
        let mean = Double(lengths.reduce(0, +)) / Double(lengths.count)
        Figures.say(String(format: "\nEvents of a session: median %d, mean %.1f.", median, mean))
        Figures.head("memory of an open session", "open sessions", "bytes", "target")
        for (length, target) in [(1, ""), (median, "≤ 600"), (7, ""), (20, "")] {
            for growth in length == median ? growths : [growths.last ?? 1] {
                let count = sessions * growth
                Figures.row("of \(length) events", "\(count)", try await weigh(count, events: length), target)
            }
        }
    }

    /// In a process of its own, in which nothing was given back before.
    private func weigh(_ sessions: Int, events: Int) async throws -> String {
        let log = FileManager.default.temporaryDirectory.path + "/dinghy-bench-weigh-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: log) }
        let (code, output) = try await Child.run(
            Workbench.program(), ["weigh", "\(sessions)", "\(events)"], log: log)
        guard code == 0 else { throw EventLogError.failed("weighing ended with \(code): \(output)") }
        return output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func lengths() -> [Int] {
        var shop = Shop(seed: 1, start: ShopLog.start)
        var lengths: [String: Int] = [:]
        for _ in 0..<200_000 { lengths[shop.next().event.sessionKey, default: 0] += 1 }
        return lengths.values.sorted()
    }
}

/// One stream of the shop, folded in three ways that take turns.
private struct Subject {
    typealias Part = FoldFigures.Part

    private var shop: Shop
    private var fold = SessionFold()
    private var scorer: SessionScorer
    private var whole: PartitionScorer
    private var offset: Int64 = 0
    private let warmUpEvents: Int

    var openSessions: Int { max(fold.openSessions, whole.fold.openSessions) }

    init(model: IntentModel, openSessions: Int) {
        shop = ShopLog.shop(openSessions: openSessions)
        scorer = SessionScorer(model: model)
        do {
            whole = try PartitionScorer(
                assigned: AssignedPartition(partition: 0, position: nil, bounds: 0..<0),
                model: NumberedModel(number: 1, model: model))
        } catch {
            fatalError("a new log has no position that could be refused: \(error)")
        }
        // An hour: then as many sessions close as open.
        warmUpEvents = Int(Double(openSessions) / ShopLog.openPerArrival * 3_600 * ShopParameters.eventsPerSession)
    }

    mutating func warmUp(_ parts: [Part]) {
        var left = warmUpEvents
        while left > 0 {
            _ = round(min(left, 50_000), parts)
            left -= 50_000
        }
    }

    mutating func round(_ count: Int, _ parts: [Part]) -> [(Part, Cost)] {
        let records = (0..<count).map { index in
            let event = shop.next().event
            return StoredRecord(
                offset: offset + Int64(index), time: event.timestamp,
                value: RecordCoder.encode(event, timeline: .live, received: event.timestamp))
        }
        offset += Int64(count)
        var entries: [LogEntry] = []
        entries.reserveCapacity(count)
        let decoding = took {
            for record in parts == [.outputs] ? [] : records {
                guard let entry = try? RecordCoder.decode(record.value) else { fatalError("our own record") }
                entries.append(entry)
            }
        }
        return parts.map { part in
            switch part {
            case .decode: (part, decoding)
            case .fold: (part, took { foldAndScore(records, entries) })
            case .outputs: (part, took { makeOutputs(records) })
            }
        }
    }

    /// Not inlined, so that a profile can tell it from what makes the records.
    @inline(never)
    private mutating func foldAndScore(_ records: [StoredRecord], _ entries: [LogEntry]) {
        for index in records.indices {
            let outcome = fold.fold(
                offset: records[index].offset, time: records[index].time, entry: entries[index], scoring: true
            ) { scorer.free(slot: $0.slot) }
            if case .step(let slot) = outcome { _ = scorer.score(slot: slot, of: fold) }
        }
    }

    /// In batches, as the service does it.
    @inline(never)
    private mutating func makeOutputs(_ records: [StoredRecord]) {
        for start in stride(from: 0, to: records.count, by: 2_000) {
            whole.process(Array(records[start..<min(records.count, start + 2_000)]))
            _ = whole.uncommitted()
            whole.committed()
        }
    }

    private func took(_ body: () -> Void) -> Cost {
        let before = Cost.now
        body()
        return Cost.now - before
    }
}
