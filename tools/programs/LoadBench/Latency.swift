import ArgumentParser
import Foundation
import KafkaRig
import NIOCore

/// From the moment a POST was due to the moment its score came over the live stream.
struct LatencyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latency",
        abstract: "POST to score on the live stream, at a fixed rate; and the same while models are swapped.",
        discussion: """
              tools/bench latency
              tools/bench latency --rate 20000 --batch 10 --swaps 5
            """)

    @Option(help: "Events a second.")
    var rate = 2_000
    @Option(help: "Events a request.")
    var batch = 1
    @Option(help: "Seconds.")
    var seconds = 30
    @Option(help: "Connections.")
    var connections = 64
    @Option(help: "How often the champion is changed in this time.")
    var swaps = 0
    @Option(help: "Events that the log holds already, all scored.")
    var stored = 0
    @Option(help: "Directory on the disk to be measured.")
    var directory: String?
    @Flag(help: "Keep the data.")
    var keep = false

    func run() async throws {
        let shop = try await LoadedShop.start("latency", in: directory, stored: stored)
        let loop = try OpenLoop(url: shop.url)
        let warming = 3
        let watch = try await ScoreStreamWatch(url: shop.url, scores: rate * (warming + seconds))
        let batch = EventBatch(events: batch)
        let requests = Double(rate) / Double(batch.count)
        let warm = try await loop.run(
            batch: batch, rate: requests, connections: connections, for: .seconds(warming), first: 0)
        // Sessions of the warm-up are over: the count begins with a whole group of them.
        let first = (warm.count * batch.count / 7_000 + 1) * 7_000
        let swapping = Task {
            for number in 0..<swaps {
                try await Task.sleep(for: .seconds(Double(seconds) / Double(swaps + 1)))
                try await Child.need(
                    shop.dinghy,
                    ["models", "promote", "\(number % 2 + 1)", "--data", shop.directory + "/data"],
                    log: shop.directory + "/promote.log")
            }
        }
        let sent = try await loop.run(
            batch: batch, rate: requests, connections: connections, for: .seconds(seconds), first: first)
        try await swapping.value
        try await Task.sleep(for: .seconds(2))
        let seen = try await watch.end()
        let events = scored(sent, seen, first: first, batch: batch.count)
        let answers = sent.compactMap { one in one.answered.map { $0 - one.due } }
        print(
            "load average \(ProcessFigures.load()), durability fsync, open loop, \(rate) events/s in requests of "
                + "\(batch.count), \(stored) events on the log before")
        print("| from due to | percentiles | target | |\n| --- | --- | --- | --- |")
        print(
            "| reply | \(Statistics.percentiles(answers)) | | \(sent.count) requests, "
                + "\(sent.count { $0.status != 200 }) not 200 |")
        print(
            "| score on /scores | \(Statistics.percentiles(events.compactMap(\.latency))) | p50 < 5 ms, p99 < 20 ms "
                + "| \(events.count) events, \(events.count { $0.latency == nil }) without a score |")
        for stall in stalls(sent) { print("| stall | \(stall) | | |") }
        for swap in swaps(events) { print(swap) }
        try await loop.shutdown()
        try await shop.stop(keep: keep)
    }

    /// Where replies took more than 20 ms one after the other, the longest first: whether few long ones make the
    /// percentiles or many short ones.
    private func stalls(_ sent: [Sent]) -> [String] {
        guard let start = sent.first?.due else { return [] }
        var stalls: [(at: TimeAmount, longest: TimeAmount, replies: Int)] = []
        var isSlow = false
        for one in sent {
            guard let latency = one.answered.map({ $0 - one.due }), latency > .milliseconds(20) else {
                isSlow = false
                continue
            }
            if !isSlow { stalls.append((one.due - start, .zero, 0)) }
            isSlow = true
            stalls[stalls.count - 1].longest = max(stalls[stalls.count - 1].longest, latency)
            stalls[stalls.count - 1].replies += 1
        }
        return stalls.sorted { $0.longest > $1.longest }.prefix(5).map {
            "\(Statistics.text($0.longest.nanoseconds)) ms, \($0.replies) replies, after \($0.at.nanoseconds / 1_000_000) ms"
        }
    }

    /// What scores waited around every change of the model that gives them, beside the slowest of any time as long.
    private func swaps(_ events: [Scored]) -> [String] {
        let scored = events.compactMap { event in event.seen.map { (due: event.due, seen: $0) } }
            .sorted { $0.seen.time < $1.seen.time }
        guard let start = scored.first?.due else { return [] }
        let window = TimeAmount.milliseconds(100)
        var slowest: [Int64: TimeAmount] = [:]
        for one in scored {
            let number = (one.due - start).nanoseconds / window.nanoseconds
            slowest[number] = max(slowest[number] ?? .zero, one.seen.time - one.due)
        }
        let usual = Statistics.percentiles(Array(slowest.values))
        return zip(scored, scored.dropFirst()).filter { $0.seen.model != $1.seen.model }.map { before, after in
            let near = scored.filter { $0.due >= after.due - window && $0.due < after.due + window }
            return """
                | model \(before.seen.model) to \(after.seen.model), 0.1 s before to 0.1 s after | \
                \(Statistics.percentiles(near.map { $0.seen.time - $0.due })) | none waits > 5 ms for it | \
                slowest of every 0.1 s: \(usual) |
                """
        }
    }

    private struct Scored {
        var due: NIODeadline
        var seen: ScoreScanner.Seen?

        var latency: TimeAmount? { seen.map { $0.time - due } }
    }

    /// Event *n* of a session is its *n*-th prefix.
    private func scored(
        _ sent: [Sent], _ seen: [ScoreScanner.Key: ScoreScanner.Seen], first: Int, batch: Int
    ) -> [Scored] {
        var prefixes: [Int: Int] = [:]
        var events: [Scored] = []
        for (number, one) in sent.enumerated() where one.status == 200 {
            for event in first + number * batch..<first + (number + 1) * batch {
                let session = EventBatch.session(of: event)
                let prefix = prefixes[session, default: 0] + 1
                prefixes[session] = prefix
                events.append(Scored(due: one.due, seen: seen[.init(session: session, prefix: prefix)]))
            }
        }
        return events
    }
}
