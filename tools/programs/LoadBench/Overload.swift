import ArgumentParser
import Foundation
import KafkaRig
import NIOCore

/// More than the server can take: what it refuses, what those who are let in wait, and how soon it is well again.
struct OverloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "overload",
        abstract: "Several times capacity for a stated time.",
        discussion: """
            Capacity is what 64 connections get in a closed loop. Then batches arrive at a fixed rate whatever becomes of
            those before: beside it, only what the machine has left for this program limits the rate, which is printed.

              tools/bench overload --seconds 60
            """)

    @Option(help: "Times capacity.")
    var times = 5.0
    @Option(help: "Seconds of overload.")
    var seconds = 60
    @Option(help: "Events a request.")
    var batch = 100
    @Option(help: "Connections that bring it.")
    var connections = 1_000
    @Option(help: "Directory on the disk to be measured.")
    var directory: String?
    @Flag(help: "Keep the data.")
    var keep = false

    func run() async throws {
        let shop = try await LoadedShop.start(
            "overload", in: directory, arguments: ["--set", "http.max-connections=\(connections + 100)"])
        let loop = try OpenLoop(url: shop.url)
        let batch = EventBatch(events: batch)
        var first = 0
        func phase(_ rate: Double?, _ connections: Int, _ length: Duration) async throws -> [Sent] {
            let sent = try await loop.run(
                batch: batch, rate: rate, connections: connections, for: length, first: first)
            first += (sent.count + 1) * batch.count
            return sent
        }
        print("load average \(ProcessFigures.load()), durability fsync, batches of \(batch.count)")
        _ = try await phase(nil, 64, .seconds(3))
        let quiet = try await phase(nil, 64, .seconds(8))
        let capacity = Double(quiet.count { $0.status == 200 }) / 8
        print(
            "capacity: \(Int(capacity * Double(batch.count))) events/s in \(Int(capacity)) requests/s, 64 connections, "
                + "closed loop")
        let watch = MemoryWatch(shop.pid)
        let flood = try await phase(times * capacity, connections, .seconds(seconds))
        let peak = await watch.end()
        report("overload", flood, batch.count, stretches: 6)
        print(
            "resident memory: \(peak.first >> 20) MiB before, \(peak.highest >> 20) MiB at most, by sixths "
                + peak.sixths)
        let after = try await phase(0.5 * capacity, connections, .seconds(10))
        report("half of capacity, at once afterwards", after, batch.count, stretches: 5)
        try await loop.shutdown()
        try await shop.stop(keep: keep)
    }

    private func report(_ name: String, _ sent: [Sent], _ batch: Int, stretches: Int) {
        guard let start = sent.first?.due, let end = sent.last?.due, end > start else { return }
        let length = Double((end - start).nanoseconds) / 1e9
        let reached = sent.filter { $0.sent != nil }
        print("\n\(name): \(sent.count) due in \(Statistics.rounded(length)) s, \(reached.count) sent")
        print("| from s | sent/s | stored events/s | 503 | 429 | other | accepted, from sending | accepted, from due |")
        print("| ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |")
        let part = length / Double(stretches)
        for stretch in 0..<stretches {
            let from = start + .nanoseconds(Int64(Double(stretch) * part * 1e9))
            let to = from + .nanoseconds(Int64(part * 1e9))
            let slice = sent.filter { $0.sent.map { $0 >= from && $0 < to } ?? false }
            let accepted = slice.filter { $0.status == 200 }
            let count = Double(max(1, slice.count))
            func share(_ statuses: Set<Int>) -> String {
                "\(Int((100 * Double(slice.count { statuses.contains($0.status) }) / count).rounded())) %"
            }
            func times(_ since: (Sent) -> NIODeadline?) -> String {
                let times = accepted.compactMap { one in
                    since(one).flatMap { since in one.answered.map { $0 - since } }
                }
                let (middle, high) = (Statistics.percentile(times, 0.5), Statistics.percentile(times, 0.99))
                return "p50 \(Int(middle)) ms, p99 \(Int(high)) ms"
            }
            let others = 100 * Double(slice.count { ![200, 429, 503].contains($0.status) }) / count
            print(
                "| \(Int(Double(stretch) * part)) | \(Int(Double(slice.count) / part)) "
                    + "| \(Int(Double(accepted.reduce(0) { $0 + $1.stored }) / part)) | \(share([503])) | \(share([429])) "
                    + "| \(Int(others.rounded())) % | \(times { $0.sent }) | \(times { $0.due }) |")
        }
    }
}

/// A process's memory, every half second.
final class MemoryWatch: Sendable {
    private let task: Task<[Int], Never>

    init(_ pid: Int32) {
        task = Task {
            var samples = [ProcessFigures.resident_bytes(pid)]
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(500))
                samples.append(ProcessFigures.resident_bytes(pid))
            }
            return samples
        }
    }

    func end() async -> (first: Int, highest: Int, sixths: String) {
        task.cancel()
        let samples = await task.value
        let sixth = max(1, samples.count / 6)
        let means = stride(from: 0, to: samples.count - sixth + 1, by: sixth).map { start in
            String((samples[start..<start + sixth].reduce(0, +) / sixth) >> 20)
        }
        return (samples.first ?? 0, samples.max() ?? 0, means.joined(separator: ", "))
    }
}
