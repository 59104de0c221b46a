public import ArgumentParser
import Foundation
public import VirtualShop

/// Simulates whole shops, one a seed, and proves every promise on each of them.
@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Runs shops in virtual time, one a seed, breaks them, and proves their accounts.",
        discussion: """
              tools/simulate --seeds 10000
              tools/simulate --seed 4711 --trace
              tools/simulate --breakages

            Exit codes: 0 all promises kept, 1 a promise was broken, 64 wrong usage. A crash names its seeds.
            """)

    @Option(help: "How many seeds.") var seeds: UInt64 = 10_000
    @Option(help: "The first seed.") var from: UInt64 = 1
    @Option(help: "One seed alone.") var seed: UInt64?
    @Flag(help: "Print all that happens; with --seed.") var trace = false
    @Flag(help: "Print the result as JSON.") var json = false
    @Option(help: "Threads.") var threads = ProcessInfo.processInfo.activeProcessorCount
    @Option(
        name: .customLong("break"),
        help: "Break one promise on purpose: \(Breakage.allCases.map(\.rawValue).joined(separator: ", ")).")
    var breakage: Breakage?
    @Flag(help: "Break each promise in turn and say after how many seeds it is seen.") var breakages = false

    func run() throws {
        if breakages { return try proveBreakages() }
        if let seed { return try runOne(seed) }
        let started = ContinuousClock.now
        CrashNote.install(threads: threads)
        var campaign = Campaign(seeds: from..<(from + seeds), threads: threads, breakage: breakage)
        campaign.maxBroken = breakage == nil ? 10 : 1
        let all = seeds
        let totals = campaign.run(starting: { CrashNote.note($1, thread: $0) }) { done in
            if done % 500 == 0 { FileHandle.standardError.write(Data("\(done) of \(all) seeds\n".utf8)) }
        }
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        if json { try printJSON(totals, seconds) } else { printText(totals, seconds) }
        if !totals.broken.isEmpty { throw ExitCode(1) }
    }

    private func printText(_ totals: Campaign.Totals, _ seconds: Double) {
        print(
            """
            \(totals.seeds) seeds in \(rounded(seconds)) s on \(threads) threads: \(totals.events) records, \
            \(totals.scores) scores, \(totals.outcomes) outcomes, \(totals.kills) kills, \(totals.shutdowns) shutdowns, \
            \(totals.swaps) swaps, \(totals.removed) records removed, \(totals.refusals) readers of them refused, \
            \(rounded(Double(totals.milliseconds) / 3_600_000)) hours of shop time
            """)
        for broken in totals.broken {
            print("seed \(broken.seed): \(broken.failures[0])")
            print("  tools/simulate --seed \(broken.seed)\(breakage.map { " --break \($0.rawValue)" } ?? "") --trace")
        }
        print(totals.broken.isEmpty ? "every promise kept" : "\(totals.broken.count) seeds broken")
    }

    private struct Report: Encodable {
        struct Broken: Encodable {
            var seed: UInt64
            var failures: [String]
        }
        var seeds: Int
        var seconds: Double
        var threads: Int
        var records: Int
        var scores: Int
        var outcomes: Int
        var kills: Int
        var shutdowns: Int
        var swaps: Int
        var removed: Int
        var refusals: Int
        var shopHours: Double
        var broken: [Broken]
    }

    private func printJSON(_ totals: Campaign.Totals, _ seconds: Double) throws {
        let report = Report(
            seeds: totals.seeds, seconds: seconds, threads: threads, records: totals.events, scores: totals.scores,
            outcomes: totals.outcomes, kills: totals.kills, shutdowns: totals.shutdowns, swaps: totals.swaps,
            removed: totals.removed, refusals: totals.refusals,
            shopHours: Double(totals.milliseconds) / 3_600_000,
            broken: totals.broken.map { Report.Broken(seed: $0.seed, failures: $0.failures) })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
    }

    private func runOne(_ seed: UInt64) throws {
        let trace = trace
        let breakage = breakage
        let result = onThreadOfItsOwn {
            Simulation(seed: seed, breakage: breakage).run(trace: trace ? { print($0) } : nil)
        }
        for failure in result.failures { print("broken: \(failure)") }
        print("\(result)")
        if !result.failures.isEmpty { throw ExitCode(1) }
    }

    private func proveBreakages() throws {
        var missed = 0
        for breakage in Breakage.allCases {
            var campaign = Campaign(seeds: from..<(from + min(seeds, 1_000)), threads: threads, breakage: breakage)
            campaign.maxBroken = 1
            let totals = campaign.run()
            if let first = totals.broken.first {
                print("\(breakage.rawValue): seed \(first.seed): \(first.failures[0])")
            } else {
                missed += 1
                print("\(breakage.rawValue): NOT SEEN in \(totals.seeds) seeds")
            }
        }
        if missed > 0 { throw ExitCode(1) }
    }

    private func rounded(_ number: Double) -> String { String(format: "%.1f", number) }
}

extension Breakage: ExpressibleByArgument {}
