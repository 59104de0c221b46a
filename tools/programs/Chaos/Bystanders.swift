import ChaosChecks
import EventLog
import Foundation
import KafkaRig
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// What the processes beside a server did.
final class Deeds: Sendable {
    private struct State {
        var counts: [String: Int] = [:]
        var findings: [String] = []
        var notes: [String] = []
        var replays: [String] = []
        var changes: [Fault] = []
    }

    private let state = Mutex(State())
    private let loaded = Mutex(true)

    /// Whether there is still load.
    var isLoaded: Bool { loaded.withLock { $0 } }
    func endLoad() { loaded.withLock { $0 = false } }

    var counts: [String: Int] { state.withLock { $0.counts } }
    var findings: [String] { state.withLock { $0.findings } }
    var notes: [String] { state.withLock { $0.notes } }
    /// Replays that have been read to their end.
    var replays: [String] { state.withLock { $0.replays } }

    func count(_ deed: String) { state.withLock { $0.counts[deed, default: 0] += 1 } }
    func find(_ finding: String) { state.withLock { $0.findings.append(finding) } }
    func note(_ note: String) { state.withLock { if $0.notes.count < 50 { $0.notes.append(note) } } }
    func finish(replay: String) { state.withLock { $0.replays.append(replay) } }

    /// Where the next one who changes models is to die.
    func arm(_ change: Fault) { state.withLock { $0.changes.append(change) } }
    func takeChange() -> Fault? { state.withLock { $0.changes.isEmpty ? nil : $0.changes.removeFirst() } }
}

/// Reads one file after another into the server, under a name of its own each. Some are killed on their way and begin
/// again; all go on over the server's deaths.
struct Replays {
    let workplace: Workplace
    let url: String
    let csv: String
    /// At which speed one takes a few seconds.
    let speed: String
    let deeds: Deeds

    func run(seed: UInt64) async throws {
        var random = SeededRandom(seed)
        for number in 1... {
            let name = "history-\(number)"
            var isOver = false
            while !isOver {
                // What has begun is read to its end, the last one at once.
                let speed = deeds.isLoaded ? speed : "max"
                let child = try Child(
                    workplace.dinghy,
                    ["replay", csv, "--name", name, "--url", url, "--speed", speed, "--config", workplace.config],
                    log: workplace.log("replay"))
                var killer: Task<Void, any Error>?
                if deeds.isLoaded, Int.random(in: 0..<3, using: &random) == 0 {
                    let after = Duration.milliseconds(Int.random(in: 50...3_000, using: &random))
                    killer = Task {
                        try await Task.sleep(for: after)
                        child.signal(SIGKILL)
                    }
                }
                let code = await child.wait()
                killer?.cancel()
                switch code {
                case 0: isOver = true
                case 128 + SIGKILL: deeds.count("kills of replays")
                default:
                    return deeds.find(
                        "replay \(name) ended with \(code): \(Server.tail(workplace.log("replay"), lines: 2))")
                }
            }
            deeds.count("replays")
            deeds.finish(replay: name)
            if !deeds.isLoaded { return }
        }
    }
}

/// Retrains, imports, promotes: one change of models after another, some killed at a fault point of theirs.
struct ModelChanges {
    let workplace: Workplace
    let model: String
    let deeds: Deeds

    func run(seed: UInt64) async throws {
        var random = SeededRandom(seed)
        // Two models are there from the start.
        var next = 2
        for turn in 1... {
            guard deeds.isLoaded else { return }
            let fault = deeds.takeChange()
            switch fault?.point {
            case .modelAdd: try await change(["models", "import", model], fault)
            case .modelPromote:
                if try await change(["models", "promote", "\(next)"], fault) == 0 { next = 3 - next }
            default:
                if turn % 8 == 0 {
                    try await change(["retrain"], nil)
                } else if try await change(["models", "promote", "\(next)"], nil) == 0 {
                    next = 3 - next
                }
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 100...800, using: &random)))
        }
    }

    @discardableResult
    private func change(_ arguments: [String], _ fault: Fault?) async throws -> Int32 {
        let log = workplace.log("change")
        let (code, output) = try await Child.run(
            workplace.dinghy, arguments + ["--config", workplace.config], log: log,
            environment: fault.map { [FaultPoint.variable: $0.description] } ?? [:])
        let deed = arguments.prefix { !$0.contains("/") && Int($0) == nil }.joined(separator: " ")
        switch (fault, code) {
        case (let fault?, 128 + SIGKILL): deeds.count("deaths at \(fault.point.rawValue)")
        case (let fault?, _): deeds.note("\(deed) did not come to \(fault.point.rawValue): \(code) \(output)")
        case (nil, 0): deeds.count(deed)
        // Kept aside, or too little to train from.
        case (nil, 3), (nil, 4): deeds.count("\(deed), no better")
        case (nil, _): deeds.find("\(arguments.joined(separator: " ")) ended with \(code): \(output.suffix(400))")
        }
        return code
    }
}
