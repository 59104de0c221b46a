import ChaosChecks
import EventLog
import KafkaRig

#if canImport(Glibc)
    import Glibc
#endif

/// The processes of a run. Whoever ends is started again, as a supervisor would.
actor Fleet {
    private let workplace: Workplace
    private var keepers: [ChaosPlan.Target: Task<Void, Never>] = [:]
    private var servers: [ChaosPlan.Target: Server] = [:]
    private var pauses: [ChaosPlan.Target: Duration] = [:]
    private var asked: Set<ChaosPlan.Target> = []
    private var isEnding = false
    private(set) var counts: [String: Int] = [
        "kills": 0, "pauses": 0, "leaves": 0, "ended by themselves": 0, "failed starts": 0,
    ]
    /// What processes that ended unasked said last.
    private(set) var lastWords: [String] = []

    init(_ workplace: Workplace) { self.workplace = workplace }

    /// Starts everything and returns when all of it listens.
    func start(_ targets: [ChaosPlan.Target]) async throws {
        let deadline = ContinuousClock.now + .seconds(90)
        for target in targets {
            while servers[target] == nil {
                do { servers[target] = try await launch(target) } catch {
                    // Topics that were just made are not known to every broker at once.
                    guard ContinuousClock.now < deadline else { throw error }
                    try await Task.sleep(for: .seconds(1))
                }
            }
        }
        for target in targets { keepers[target] = Task { await keep(target) } }
    }

    func url(ofCollector number: Int) -> String? { servers[.collector(number)]?.url }

    private func launch(_ target: ChaosPlan.Target) async throws -> Server {
        try await Server.start(
            dinghy: workplace.dinghy, arguments: workplace.arguments(target.name, roles: target.role),
            log: workplace.log(target.name))
    }

    private func keep(_ target: ChaosPlan.Target) async {
        while !isEnding {
            if let server = servers[target] {
                let code = await server.child.wait()
                servers[target] = nil
                if isEnding { return }
                if asked.remove(target) == nil {
                    counts["ended by themselves", default: 0] += 1
                    lastWords.append("\(target), code \(code): \(Server.tail(workplace.log(target.name), lines: 2))")
                }
                try? await Task.sleep(for: pauses.removeValue(forKey: target) ?? .seconds(1))
            } else {
                do { servers[target] = try await launch(target) } catch {
                    // Its brokers may be away: a supervisor would try again too.
                    counts["failed starts", default: 0] += 1
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    func carryOut(_ step: ChaosPlan.Step) async {
        guard let child = servers[step.target]?.child else { return }
        switch step.deed {
        case .kill(let downFor):
            counts["kills", default: 0] += 1
            ask(step.target, downFor)
            child.signal(SIGKILL)
        case .pause(let duration):
            counts["pauses", default: 0] += 1
            child.signal(SIGSTOP)
            try? await Task.sleep(for: duration)
            child.signal(SIGCONT)
        case .leave(let downFor):
            counts["leaves", default: 0] += 1
            ask(step.target, downFor)
            await child.stop()
        }
    }

    private func ask(_ target: ChaosPlan.Target, _ downFor: Duration) {
        asked.insert(target)
        pauses[target] = downFor
    }

    /// Asks all of them to stop, and gives the exit codes of those that did not end with 0.
    func end() async -> [String] {
        isEnding = true
        var codes: [String] = []
        for (target, server) in servers.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            let code = await server.child.stop()
            if code != 0 {
                codes.append(
                    "\(target) ended with \(code) when asked to stop: \(Server.tail(workplace.log(target.name)))")
            }
        }
        for keeper in keepers.values { await keeper.value }
        // One that was just being started.
        for server in servers.values { await server.child.stop() }
        return codes
    }
}

extension ChaosPlan.Target {
    /// The instance's name, its directory's and its log's.
    var name: String {
        switch self {
        case .collector(let number): "collector-\(number)"
        case .scorer(let number): "scorer-\(number)"
        }
    }

    var role: String {
        switch self {
        case .collector: "collect"
        case .scorer: "score"
        }
    }
}
