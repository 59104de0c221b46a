import AsyncHTTPClient
import ChaosChecks
import EventLog
import Foundation
import KafkaRig
import NIOCore

/// One run: a directory and two models, load, lives and deaths of a server, quiet, proof.
struct EmbeddedRun {
    struct Settings {
        var kills: Int
        var seed: UInt64
        /// Events a second.
        var rate: Int
        var partitions: Int
        /// After so much load nobody is killed any more.
        var length: Duration
        /// How long everything may take to be scored after the load.
        var settle: Duration
    }

    private let settings: Settings
    private let workplace: Workplace
    private let victim: Victim
    private let deeds = Deeds()
    private let clients = ClientBooks()

    private static let clientCount = 6
    private static let replayedEvents = 4_000
    /// Of a replay that nobody disturbs.
    private static let replay_s = 4
    /// Records of the day before yesterday; a tenth of them in a short run.
    private static let pastEvents = 150_000

    init(_ settings: Settings, directory: String) throws {
        self.settings = settings
        workplace = try Workplace(
            directory: directory, dinghy: Workbench.dinghy(),
            configuration: """
                log:
                  partitions: \(settings.partitions)
                  retention-days: 1
                score:
                  batch: 300
                retrain:
                  hidden-size: 8
                  min-sessions: 100
                  min-buyers: 3
                  max-sessions: 1000
                """)
        victim = Victim(workplace: workplace, port: try Workbench.freePort())
    }

    func run() async throws -> ChaosReport {
        note("making two models and a file to replay")
        try await workplace.makeModel()
        let model = workplace.directory + "/history.model"
        try await check(["models", "import", model])
        let csv = workplace.directory + "/replay.csv"
        try await check(["simulate", "--events", "\(Self.replayedEvents)", "--seed", "11"], output: csv)

        try await givePast()

        let plan = KillPlan(seed: settings.seed, kills: settings.kills)
        note("killing the first servers of \(plan.births.count) new directories")
        for (number, time) in plan.births.enumerated() {
            if let finding = try await victim.bear(workplace.data("new-\(number)"), killedAfter: time) {
                deeds.find(finding)
            }
            deeds.count("deaths at birth")
        }
        let started = ContinuousClock.now
        let replays = Replays(
            workplace: workplace, url: victim.url, csv: csv, speed: try Self.speed(csv), deeds: deeds)
        let changes = ModelChanges(workplace: workplace, model: model, deeds: deeds)
        let settled = try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<Self.clientCount {
                var client = Client(
                    number: number, collectors: 1, books: clients,
                    rate: Double(settings.rate) / Double(Self.clientCount), seed: settings.seed,
                    habits: Client.Habits(repeats: true, givesUp: number % 3 == 2)
                ) { [victim] _ in victim.url }
                group.addTask { [deeds] in await client.run(whileLoaded: { deeds.isLoaded }) }
            }
            group.addTask { [settings] in try await replays.run(seed: settings.seed) }
            group.addTask { [settings] in try await changes.run(seed: settings.seed) }
            try await kill(plan, since: started)
            note("the load ends; waiting until everything is scored")
            let server = try await victim.start()
            deeds.endLoad()
            try await group.waitForAll()
            let settled = try await settle(server)
            let code = await server.child.stop()
            if code != 0 { deeds.find("asked to stop, the server ended with \(code): \(victim.lastWords)") }
            return settled
        }
        let loaded = ContinuousClock.now - started
        return try await prove(settled: settled, loaded: loaded)
    }

    /// Events that are scored, and whose sessions are over, when the first server dies.
    private func givePast() async throws {
        note("making a past, and scoring it")
        try await Past.make(
            settings.kills < 20 ? Self.pastEvents / 10 : Self.pastEvents, in: workplace.data("shared"),
            partitions: settings.partitions, copy: workplace.data("past"))
        let server = try await victim.start()
        if try await !settle(server, closed: true) { throw EventLogError.unusable("the past is not scored in time") }
        let code = await server.child.stop()
        if code != 0 { deeds.find("with a past to score, the server ended with \(code): \(victim.lastWords)") }
    }

    /// At which speed the file takes so many seconds.
    private static func speed(_ csv: String) throws -> String {
        let lines = try String(contentsOfFile: csv, encoding: .utf8).split(separator: "\n")
        let columns = lines.first?.split(separator: ",", omittingEmptySubsequences: false) ?? []
        guard let column = columns.firstIndex(of: "server_timestamp_epoch_ms"), lines.count > 2,
            case let times = [lines[1], lines[lines.count - 1]].compactMap({ line in
                Int(line.split(separator: ",", omittingEmptySubsequences: false)[column])
            }), times.count == 2
        else { throw EventLogError.unusable("\(csv) is no file of a simulated shop") }
        return "\(max(1, (times[1] - times[0]) / (replay_s * 1_000)))x"
    }

    // MARK: Deaths

    private func kill(_ plan: KillPlan, since started: ContinuousClock.Instant) async throws {
        for (number, round) in plan.rounds.enumerated() {
            if ContinuousClock.now - started > settings.length {
                deeds.note("only \(number) of \(settings.kills) kills within \(settings.length)")
                return
            }
            if let change = round.change { deeds.arm(change) }
            let end = try await victim.live(round)
            switch end {
            case .killed: deeds.count("deaths anywhere")
            case .stopped: deeds.count("stops in order")
            case .diedAt(let point): deeds.count("deaths at \(point.rawValue)")
            case .missed(let point):
                deeds.count("deaths anywhere")
                deeds.note("the server did not come to \(point.rawValue) in time")
            case .byItself(let code):
                deeds.find("in life \(number + 1) the server ended with \(code): \(victim.lastWords)")
                return
            }
            if number % 10 == 9 { note("\(number + 1) kills, \(clients.ledger.acknowledged) events acknowledged") }
            try await Task.sleep(for: round.downFor)
        }
    }

    // MARK: Quiet

    /// What is read of `/status`.
    private struct Status: Decodable {
        struct Partition: Decodable {
            var pending: Int64
            var balanced: Bool
            var accounts: [String: Int64]
            var sessions: [String: Int64]

            var openSessions: Int64 {
                (sessions["opened"] ?? 0) - (sessions["closed"] ?? 0) - (sessions["muted"] ?? 0)
            }
        }
        var partitions: [Partition]
    }

    private func status(_ server: Server) async throws -> Status {
        let response = try await HTTPClient.shared.execute(
            HTTPClientRequest(url: server.url + "/status"), timeout: .seconds(30))
        return try JSONDecoder().decode(
            Status.self, from: Data(try await response.body.collect(upTo: 4 << 20).readableBytesView))
    }

    /// Waits until everything is in its account, and looks whether the accounts balance.
    ///
    /// - Parameter closed: waits for every session's end, too.
    private func settle(_ server: Server, closed: Bool = false) async throws -> Bool {
        let deadline = ContinuousClock.now + settings.settle
        while ContinuousClock.now < deadline {
            let status = try await status(server)
            if status.partitions.allSatisfy({ $0.pending == 0 && (!closed || $0.openSessions == 0) }) {
                for (number, partition) in status.partitions.enumerated() where !partition.balanced {
                    deeds.find("partition \(number): /status does not balance: \(partition.accounts)")
                }
                return true
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        return false
    }

    // MARK: Proof

    private func prove(settled: Bool, loaded: Duration) async throws -> ChaosReport {
        let ledger = clients.ledger
        let ledgerFile = workplace.directory + "/ledger.json"
        try JSONEncoder().encode(ledger).write(to: URL(filePath: ledgerFile))
        var findings = clients.problems + deeds.findings
        var counts = [
            "events acknowledged": ledger.acknowledged, "posts sent again": ledger.retried,
            "acknowledged posts repeated": clients.repetitions, "events given up": ledger.unknown.count,
            "seconds of load": Int(loaded / .seconds(1)),
        ]
        if settled {
            note("audit, and the reference fold")
            let audit = try await Child.run(
                workplace.dinghy, ["audit", "--config", workplace.config], log: workplace.log("audit"))
            if audit.code != 0 { findings.append("dinghy audit ended with \(audit.code): \(audit.output)") }
            let models = try await Child.run(
                workplace.dinghy, ["models", "list", "--config", workplace.config], log: workplace.log("list"))
            if models.code != 0 { findings.append("models list ended with \(models.code): \(models.output)") }
            let reference = try await reference(ledgerFile)
            findings += reference.findings
            for (name, count) in reference.counts { counts[name] = Int(count) }
            findings += replays(reference)
        }
        let reached = FaultPoint.allCases.filter { deeds.counts["deaths at \($0.rawValue)"] != nil }
        return ChaosReport(
            seed: settings.seed, log: "the embedded log, \(workplace.data("shared"))", settled: settled,
            claimed: [
                "every acknowledged event is stored, and each id once",
                "every session's events stand in the order in which they were sent",
                "every row of every replay is stored once, and every replay ended once",
                "every record is in exactly one account, and has its score exactly where one is due",
                "sessions, outcomes and committed positions are those of the reference fold",
                "dinghy audit finds a difference of 0 in what retention has left",
                "deaths at \(reached.map(\.rawValue).joined(separator: ", "))",
            ],
            notClaimed: FaultPoint.allCases.filter { !reached.contains($0) }.map { "nobody died at \($0.rawValue)" } + [
                "a power cut: kill -9 leaves what the kernel holds",
                "sessions that the live clock closes under load: no run lasts for half an hour of silence",
            ],
            findings: findings, notes: deeds.notes, deeds: deeds.counts, counts: counts)
    }

    /// In a process of its own.
    private func reference(_ ledger: String) async throws -> ReferenceCommand.Result {
        let result = try await Child.run(
            Workbench.program(),
            [
                "reference", workplace.data("shared"), "--ledger", ledger, "--past", workplace.data("past"), "--json",
            ],
            log: workplace.log("reference"))
        do { return try JSONDecoder().decode(ReferenceCommand.Result.self, from: Data(result.output.utf8)) } catch {
            throw EventLogError.unusable("the reference ended with \(result.code): \(result.output.suffix(600))")
        }
    }

    private func replays(_ reference: ReferenceCommand.Result) -> [String] {
        deeds.replays.flatMap { replay -> [String] in
            var findings: [String] = []
            let rows = reference.rows[replay] ?? 0
            if rows != Self.replayedEvents { findings.append("replay \(replay) has \(rows) rows on the log") }
            let ends = reference.ends[replay] ?? 0
            if ends != settings.partitions { findings.append("replay \(replay) has \(ends) end marks") }
            return findings
        }
    }

    private func check(_ arguments: [String], output: String? = nil) async throws {
        let log = output ?? workplace.log("setup")
        let result = try await Child.run(
            workplace.dinghy, arguments + (output == nil ? ["--config", workplace.config] : []), log: log)
        guard result.code == 0 else {
            throw EventLogError.unusable(
                "dinghy \(arguments.joined(separator: " ")) ended with \(result.code): \(result.output.suffix(600))")
        }
    }
}
