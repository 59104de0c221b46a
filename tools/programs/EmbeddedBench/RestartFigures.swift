import ArgumentParser
import AsyncHTTPClient
import BenchKit
import EmbeddedLog
import EventLog
import Events
import Foundation
import Intent
import KafkaRig
import Logging
import Models
import NIOCore
import NIOHTTP1

/// A server is killed with many sessions open, and started again: how long until it gives the first new score, and how
/// much memory it takes at most.
struct RestartFigures: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "From a start after kill -9 to the first new score.")

    @Argument(help: "On the disk that is to be measured.")
    var directory: String
    @Option(help: "Open sessions at 1×, each of seven events, the oldest an hour old.")
    var sessions = 62_500
    @Option(name: .customLong("growth"), help: "How many times the open sessions of 1×.")
    var growths: [Int] = [1, 4, 16]
    @Option(help: "Starts, each after a kill -9.")
    var rounds = 3

    private static let eventsEach = 7
    private static let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }

    func run() async throws {
        Child.endWithThisProgram()
        let model = try ShopLog.model()
        Figures.say(try SyncPrice.line(for: directory))
        Figures.head(
            "median of \(rounds)", "folded again", "first new score after", "target", "processor time until then",
            "peak resident memory", "target")
        for growth in growths {
            let place = try Place(below: directory)
            defer { place.remove() }
            try await measure(place, sessions * growth, model)
        }
        Figures.say("\n\(Figures.load)")
    }

    private func measure(_ place: Place, _ sessions: Int, _ model: IntentModel) async throws {
        let data = place.path + "/data"
        try await fill(data, sessions)
        let registry = ModelRegistry(directory: data + "/models")
        let entry = try registry.add(
            model, origin: .imported, report: nil, verdict: nil, time: ShopLog.start)
        try registry.promote(entry.number, by: .promote, reason: "bench", time: ShopLog.start)

        // Once through, so that everything is scored; then killed as it stands.
        let first = try await start(place)
        try await until(scores: sessions * Self.eventsEach, in: data, first)
        first.child.signal(SIGKILL)
        await first.child.wait()
        var clocks: [Double] = []
        var processors: [Double] = []
        var peaks: [Double] = []
        for round in 0..<rounds {
            let before = try await scores(data)
            let started = Cost.now
            let server = try await start(place)
            try await post(server.url, round)
            try await until(scores: before + 1, in: data, server)
            clocks.append((Cost.now - started).clock)
            processors.append(Program.processorSeconds(server.child.pid))
            peaks.append(Self.peak_MB(server.child.pid))
            server.child.signal(SIGKILL)
            await server.child.wait()
        }
        Figures.row(
            "\(sessions) open sessions of \(Self.eventsEach)", "\(sessions * Self.eventsEach) events",
            Figures.spread(clocks, "%.1f s"), sessions >= 1_000_000 ? "< 10 s" : "",
            Figures.spread(processors, "%.1f s"),
            Figures.spread(peaks, "%.0f MB"), sessions >= 1_000_000 ? "< 1500 MB" : "")
    }

    /// A log in which all sessions are open now: everybody comes back every few minutes, for an hour.
    private func fill(_ path: String, _ sessions: Int) async throws {
        let time = AppendTime()
        let data = try await DataDirectory.open(path, logger: Self.logger) { time.now }
        let start = Int64(Date().timeIntervalSince1970 * 1_000) - 3_600_000
        let count = sessions * Self.eventsEach
        let batch = 5_000
        for first in stride(from: 0, to: count, by: batch) {
            time.now = start + Int64(3_600_000 * first / count)
            let events = (first..<min(count, first + batch)).map { number in
                ShopLog.event(session: number % sessions, number: number / sessions, time: time.now)
            }
            _ = try await data.log.append(events.map(ShopLog.record))
        }
        await data.close()
    }

    private func start(_ place: Place) async throws -> Server {
        try await Server.start(
            dinghy: Workbench.dinghy(), arguments: ["--data", place.path + "/data"], log: place.path + "/serve.log")
    }

    private func post(_ url: String, _ round: Int) async throws {
        var request = HTTPClientRequest(url: url + "/collect")
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(
            ByteBuffer(string: #"{"id":"new-\#(round)","session":"new-\#(round)","type":"pageview"}"#))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        guard response.status == .ok else {
            throw EventLogError.failed("the new event was answered with \(response.status)")
        }
    }

    private func scores(_ data: String) async throws -> Int {
        let open = try await DataDirectory.openReadOnly(data)
        let count = try await Int(open.outputs.bounds(.scores, partition: 0).upperBound)
        await open.close()
        return count
    }

    private func until(scores count: Int, in data: String, _ server: Server) async throws {
        let open = try await DataDirectory.openReadOnly(data)
        while try await open.outputs.bounds(.scores, partition: 0).upperBound < count {
            guard server.child.exitCode == nil else { throw EventLogError.failed("the server ended") }
            try await Task.sleep(for: .milliseconds(20))
        }
        await open.close()
    }

    private static func peak_MB(_ pid: Int32) -> Double {
        let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let kilobytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) }
        return (kilobytes ?? .nan) / 1_000
    }
}
