import ArgumentParser
import BenchKit
import EventLog
import Foundation
import KafkaRig

/// POSTs to a `dinghy serve` of its own, each acknowledged after an fsync, beside an nginx that answers a pixel and
/// writes an access log; wrk makes the load, from the same processors. nginx and single events take turns, before the
/// posts of a hundred and once more behind them, with all the sessions that those have opened.
struct HTTPFigures: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "http", abstract: "POST, one event and a hundred at a time, beside nginx; needs nginx and wrk.")

    @Argument(help: "On the disk that is to be measured.")
    var directory: String
    @Option(help: "Keep-alive connections of single events.")
    var connections = 64
    @Option(help: "Seconds of load a figure and round.")
    var seconds = 4
    @Option(help: "Rounds.")
    var rounds = 5
    @Option(help: "Events that the log holds already, all scored.")
    var stored = 0
    @Option(help: "Roles of the server, all by default: the embedded log's events are scored where they are collected.")
    var roles = "collect,score,console"

    func run() async throws {
        Child.endWithThisProgram()
        let place = try Place(below: directory)
        defer { place.remove() }
        let load = try Load(place, seconds: seconds)
        let nginx = try await Nginx.start(place)
        defer { nginx.child.signal(SIGTERM) }
        let dinghy = Workbench.dinghy()
        try await PreparedData.make(place.path + "/data", in: place.path, dinghy: dinghy, stored: stored)
        let server = try await Server.start(
            dinghy: dinghy, arguments: ["--data", place.path + "/data", "--roles", roles],
            log: place.path + "/serve.log")
        defer { server.child.signal(SIGKILL) }
        try await server.untilScored()
        Figures.say(try SyncPrice.line(for: directory))

        var number = 0
        func pairs() async throws -> (pixels: [Measured], singles: [Measured]) {
            var (pixels, singles): ([Measured], [Measured]) = ([], [])
            for _ in 0..<rounds {
                number += 1
                pixels.append(try await load.run(nginx.url, connections, script: nil, of: nginx.processes))
                singles.append(
                    try await load.run(
                        server.url + "/collect", connections, script: load.posts(1, number), of: [server.child.pid]))
            }
            return (pixels, singles)
        }
        let quiet = try await pairs()
        let fewSessions = try await server.status().openSessions
        var batches: [Measured] = []
        for round in 0..<rounds {
            batches.append(
                try await load.run(
                    server.url + "/collect", 16, script: load.posts(100, round), of: [server.child.pid]))
        }
        let crowd = try await server.status().openSessions
        let crowded = try await pairs()
        await server.child.stop()

        Figures.head(
            "median of \(rounds), \(seconds) s each, \(stored) events on the log before", "requests/s", "p50", "p99",
            "server's µs a request")
        line("nginx, pixel with access log, \(connections) connections", quiet.pixels)
        line("POST of one event, \(connections) connections, at last \(fewSessions) open sessions", quiet.singles)
        line("POST of 100 events, 16 connections, at last \(crowd) open sessions", batches)
        line("nginx again", crowded.pixels)
        line("POST of one event behind that", crowded.singles)
        Figures.head("figure", "value", "target")
        Figures.row("POST of one event : nginx", ratio(quiet.singles, quiet.pixels), "≥ 0.35")
        Figures.row("the same with \(crowd) open sessions and more", ratio(crowded.singles, crowded.pixels), "")
        Figures.row(
            "the first in server's processor time",
            Figures.spread(zip(quiet.singles, quiet.pixels).map { $1.processor_us / $0.processor_us }), "")
        Figures.row(
            "events/s in posts of 100", Figures.spread(batches.map { $0.rate * 100 / 1_000 }, "%.0f k"), "≥ 200 k")
        Figures.row(
            "events a processor second of the server in posts of 100",
            Figures.spread(batches.map { 1e8 / $0.processor_us / 1_000 }, "%.0f k"), "")
        Figures.say("\n\(Figures.load); server, load generator and reference share the processors")
    }

    private func ratio(_ ours: [Measured], _ theirs: [Measured]) -> String {
        Figures.spread(zip(ours, theirs).map { $0.rate / $1.rate })
    }

    private func line(_ name: String, _ rounds: [Measured]) {
        func median(_ part: (Measured) -> Double, _ format: String) -> String {
            String(format: format, Figures.median(rounds.map(part)))
        }
        Figures.row(
            name, median(\.rate, "%.0f"), median(\.p50_ms, "%.2f ms"), median(\.p99_ms, "%.2f ms"),
            median(\.processor_us, "%.1f"))
    }
}

/// What wrk says, and what the server spent.
struct Measured {
    var rate: Double
    var p50_ms: Double
    var p99_ms: Double
    /// The server's processor time a request.
    var processor_us: Double
}

/// wrk, with its scripts.
private struct Load {
    let place: Place
    let seconds: Int
    private let wrk: String

    init(_ place: Place, seconds: Int) throws {
        self.place = place
        self.seconds = seconds
        wrk = try Program.find("wrk", package: "wrk")
    }

    /// A script that posts events with new ids, whose sessions are of ten events each.
    func posts(_ count: Int, _ round: Int) throws -> String {
        let path = place.path + "/post-\(count).lua"
        let script = """
            wrk.method = "POST"
            wrk.headers["Content-Type"] = "application/json"
            local number = 0
            local before = ',"type":"detail","sku":"c07-p123","url":"/product/c07-p123","session":"\(round)-\(count)-'
            function request()
                local events = {}
                for place = 1, \(count) do
                    number = number + 1
                    events[place] = '{"id":"\(round)-\(count)-' .. number .. '"' .. before .. math.floor(number / 10) .. '"}'
                end
                return wrk.format(nil, nil, nil, \(count) == 1 and events[1] or "[" .. table.concat(events, ",") .. "]")
            end
            """
        try script.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    func run(_ url: String, _ connections: Int, script: String?, of processes: [Int32]) async throws -> Measured {
        let before = processes.reduce(0) { $0 + Program.processorSeconds($1) }
        let (code, output) = try await Child.run(
            wrk,
            ["-t1", "-c\(connections)", "-d\(seconds)s", "--latency"] + (script.map { ["-s", $0] } ?? []) + [url],
            log: place.path + "/wrk.log")
        let spent = processes.reduce(0) { $0 + Program.processorSeconds($1) } - before
        guard code == 0, !output.contains("Non-2xx"), let rate = Self.number(after: "Requests/sec:", output),
            let requests = Self.number(before: " requests in", output)
        else { throw EventLogError.failed("wrk of \(url) ended with \(code): \(output)") }
        return Measured(
            rate: rate, p50_ms: Self.milliseconds(after: " 50%", output),
            p99_ms: Self.milliseconds(after: " 99%", output),
            processor_us: spent / requests * 1e6)
    }

    private static func word(after mark: String, _ text: String) -> Substring? {
        text.range(of: mark).flatMap { text[$0.upperBound...].split(whereSeparator: \.isWhitespace).first }
    }

    private static func number(after mark: String, _ text: String) -> Double? {
        word(after: mark, text).flatMap { Double($0) }
    }

    private static func number(before mark: String, _ text: String) -> Double? {
        text.range(of: mark).flatMap { text[..<$0.lowerBound].split(whereSeparator: \.isWhitespace).last }
            .flatMap { Double($0) }
    }

    private static func milliseconds(after mark: String, _ text: String) -> Double {
        guard let word = word(after: mark, text) else { return .nan }
        for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1_000.0)] where word.hasSuffix(unit) {
            return (Double(word.dropLast(unit.count)) ?? .nan) * factor
        }
        return .nan
    }
}

/// An nginx of its own: a pixel, and a line in the access log for each.
private struct Nginx {
    let child: Child
    let url: String

    static func start(_ place: Place) async throws -> Nginx {
        let port = 20_000 + Int(getpid()) % 20_000
        try """
        worker_processes auto;
        daemon off;
        pid \(place.path)/nginx.pid;
        error_log \(place.path)/nginx-error.log;
        events { worker_connections 1024; }
        http {
            access_log \(place.path)/access.log;
            keepalive_requests 1000000000;
            client_body_temp_path \(place.path)/nginx-body;
            proxy_temp_path \(place.path)/nginx-proxy;
            fastcgi_temp_path \(place.path)/nginx-fastcgi;
            uwsgi_temp_path \(place.path)/nginx-uwsgi;
            scgi_temp_path \(place.path)/nginx-scgi;
            server { listen 127.0.0.1:\(port); location / { empty_gif; } }
        }
        """.write(toFile: place.path + "/nginx.conf", atomically: true, encoding: .utf8)
        let child = try Child(
            Program.find("nginx", package: "nginx-light"), ["-c", place.path + "/nginx.conf"],
            log: place.path + "/nginx.log")
        for _ in 0..<100 where child.exitCode == nil {
            if FileManager.default.fileExists(atPath: place.path + "/nginx.pid") { break }
            try await Task.sleep(for: .milliseconds(20))
        }
        guard child.exitCode == nil else {
            throw EventLogError.unusable("nginx does not start: \(Server.tail(place.path + "/nginx.log"))")
        }
        return Nginx(child: child, url: "http://127.0.0.1:\(port)/pixel.gif?t=pageview&cid=1&sku=c07-p123")
    }

    /// Master and workers.
    var processes: [Int32] {
        let children = try? String(
            contentsOfFile: "/proc/\(child.pid)/task/\(child.pid)/children", encoding: .utf8)
        return [child.pid] + (children ?? "").split(separator: " ").compactMap { Int32($0) }
    }
}

/// Programs of others.
enum Program {
    static func find(_ name: String, package: String) throws -> String {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        let found = (folders + ["/usr/sbin"]).map { $0 + "/" + name }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
        guard let found else { throw EventLogError.unusable("\(name) is not here: tools/install \(package)") }
        return found
    }

    /// User and system time of a process so far.
    static func processorSeconds(_ pid: Int32) -> Double {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let fields = stat.split(separator: ")").last?.split(separator: " "), fields.count > 12,
            let user = Double(fields[11]), let system = Double(fields[12])
        else { return .nan }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
