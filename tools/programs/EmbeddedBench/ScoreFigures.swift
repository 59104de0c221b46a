import ArgumentParser
import BenchKit
import EmbeddedLog
import EventLog
import Events
import Foundation
import Intent
import Logging
import Replay
import Scoring
import Sessions
import Simulation

/// Through the disk: a log full of events to committed scores, and a CSV to a durable log. Beside them, what SQLite
/// alone does with rows of the same size in transactions of the same size.
struct ScoreFigures: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score", abstract: "Log → committed scores; CSV replay → durable log.")

    @Argument(help: "On the disk that is to be measured.")
    var directory: String
    @Option(help: "Events at 1×.")
    var events = 100_000
    @Option(name: .customLong("growth"), help: "How many times the events, and the open sessions, of 1×.")
    var growths: [Int] = [1, 4, 16]
    @Option(help: "Rounds.")
    var rounds = 5

    private static let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }

    func run() async throws {
        let model = try ShopLog.model()
        Figures.say(try SyncPrice.line(for: directory))
        Figures.head(
            "median of \(rounds)", "events", "events/s", "target", "events a processor second", "processors in use",
            "of SQLite alone, same run")
        for growth in growths {
            let place = try Place(below: directory)
            defer { place.remove() }
            try await measure(place, events * growth, openSessions: 10_000 * growth, model)
        }
        Figures.say("\n\(Figures.load)")
    }

    private func measure(_ place: Place, _ events: Int, openSessions: Int, _ model: IntentModel) async throws {
        let csv = place.path + "/shop.csv"
        try await fill(place.path + "/log", csv: csv, events, openSessions: openSessions)
        var scoring: [Cost] = []
        var replaying: [Cost] = []
        var scoreRows: [Cost] = []
        var eventRows: [Cost] = []
        for _ in 0..<rounds {
            scoring.append(try await score(place, events, model))
            scoreRows.append(try PlainRows.insert(at: place.path + "/plain", rows: events, bytes: 260, each: 2_000))
            place.remove("plain")
            replaying.append(try await replay(csv, to: place))
            eventRows.append(try PlainRows.insert(at: place.path + "/plain", rows: events, bytes: 190, each: 5_000))
            place.remove("plain")
        }
        line("embedded log → committed scores", events, "250 k", scoring, beside: scoreRows)
        line("CSV replay → durable log", events, "300 k", replaying, beside: eventRows)
    }

    private func line(_ name: String, _ events: Int, _ target: String, _ costs: [Cost], beside plain: [Cost]) {
        let clock = Figures.median(costs.map(\.clock))
        let processor = Figures.median(costs.map(\.processor))
        Figures.row(
            name, "\(events)", Figures.thousands(Double(events) / clock), target,
            Figures.thousands(Double(events) / processor),
            Figures.spread(costs.map { $0.processor / $0.clock }),
            Figures.spread(zip(costs, plain).map { $1.clock / $0.clock }))
    }

    // MARK: The log

    /// A log of live events at the times at which the shop had them, and the same as a CSV.
    private func fill(_ path: String, csv: String, _ events: Int, openSessions: Int) async throws {
        var shop = ShopLog.shop(openSessions: openSessions)
        var rows = Array((ShopEvent.csvHeader + "\n").utf8)
        let time = AppendTime()
        let data = try await DataDirectory.open(path, logger: Self.logger) { time.now }
        var left = events
        while left > 0 {
            // Small batches: a transaction has one time, and times make sessions.
            let batch = (0..<min(left, 500)).map { _ in
                let event = shop.next()
                event.writeCSV(into: &rows)
                return event.event
            }
            time.now = batch.last?.timestamp ?? time.now
            _ = try await data.log.append(batch.map(ShopLog.record))
            left -= batch.count
        }
        await data.close()
        try Data(rows).write(to: URL(filePath: csv))
    }

    /// From an empty scores file until everything is committed.
    private func score(_ place: Place, _ events: Int, _ model: IntentModel) async throws -> Cost {
        for suffix in ["", "-wal", "-shm"] { place.remove("log/scores.sqlite" + suffix) }
        let data = try await DataDirectory.open(place.path + "/log", logger: Self.logger) { ShopLog.start }
        let status = ScoringStatus()
        let service = ScoringService(
            log: data.log, consumer: data.makeConsumer(), status: status, logger: Self.logger, now: { ShopLog.start }
        ) { $0 == nil ? NumberedModel(number: 1, model: model) : nil }
        let cost = try await Cost.of {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await service.run() }
                group.addTask {
                    while status.snapshot.partitions[0]?.position.next ?? 0 < events {
                        try await Task.sleep(for: .milliseconds(2))
                    }
                }
                // Whichever comes first: that all is done, or that scoring failed.
                try await group.next()
                group.cancelAll()
                try await group.waitForAll()
            }
        }
        let scored = try await data.outputs.bounds(.scores, partition: 0).count
        precondition(scored > events / 2, "ScoreFigures.score: only \(scored) scores of \(events) events")
        await data.close()
        return cost
    }

    private func replay(_ csv: String, to place: Place) async throws -> Cost {
        place.remove("replayed")
        let data = try await DataDirectory.open(place.path + "/replayed", logger: Self.logger) { ShopLog.start }
        let replayer = Replayer(
            options: ReplayOptions(name: "bench"), sink: EventLogSink(log: data.log), logger: Self.logger)
        let cost = try await Cost.of { _ = try await replayer.run(.file(csv)) }
        await data.close()
        return cost
    }
}
