import ChaosChecks
import EventLog
import Foundation
import KafkaRig

/// One run: topics and a model, processes, load and chaos, quiet, proof.
struct ChaosRun {
    struct Settings {
        var length: Duration
        var collectors: Int
        var scorers: Int
        var partitions: Int
        /// Events a second.
        var rate: Int
        var seed: UInt64
        /// How long everything may take to be scored after the load.
        var settle: Duration
    }

    private let settings: Settings
    private let cluster: Cluster
    private let topics: ShopTopics
    private let workplace: Workplace
    private let plan: ChaosPlan
    private let targets: [ChaosPlan.Target]

    /// Of the scorers' group: the shortest that brokers allow as they come.
    private static let sessionTimeout = Duration.seconds(6)
    private static let clients = 12

    init(_ settings: Settings, cluster: Cluster, topics: ShopTopics, directory: String) throws {
        self.settings = settings
        self.cluster = cluster
        self.topics = topics
        plan = ChaosPlan(
            seed: settings.seed, length: settings.length, collectors: settings.collectors, scorers: settings.scorers,
            sessionTimeout: Self.sessionTimeout)
        targets =
            (0..<settings.collectors).map(ChaosPlan.Target.collector)
            + (0..<settings.scorers).map(ChaosPlan.Target.scorer)
        workplace = try Workplace(
            directory: directory, dinghy: Workbench.dinghy(), topics: topics, brokers: cluster.brokers,
            properties: ["session.timeout.ms": "\(Int(Self.sessionTimeout / .milliseconds(1)))"])
    }

    func run() async throws -> ChaosReport {
        note("making topics and a model")
        try await cluster.create(topics, by: workplace)
        try await workplace.makeModel()
        note("starting \(settings.collectors) collectors and \(settings.scorers) scorers")
        let fleet = Fleet(workplace)
        do {
            try await fleet.start(targets)
            let witness = Witness(topics, brokers: cluster.brokers)
            let clients = ClientBooks()
            let poisoned = await load(fleet, clients)
            note("load and chaos are over; waiting until everything is scored")
            let settled = try await settle(clients, witness)
            let codes = await fleet.end()
            let report = try await prove(fleet, clients, witness, settled: settled, poisoned: poisoned, notes: codes)
            return report
        } catch {
            _ = await fleet.end()
            throw error
        }
    }

    /// Clients, poison and the plan, all at once; returns how much poison was written.
    private func load(_ fleet: Fleet, _ clients: ClientBooks) async -> Int {
        let start = ContinuousClock.now
        let end = start + settings.length
        // What was under way at the end may take as long as a request and a restart.
        let limit = end + .seconds(60)
        return await withTaskGroup(of: Int.self) { group in
            for number in 0..<Self.clients {
                var client = Client(
                    number: number, collectors: settings.collectors, books: clients,
                    rate: Double(settings.rate) / Double(Self.clients), seed: settings.seed
                ) { await fleet.url(ofCollector: $0) }
                group.addTask {
                    await client.run(whileLoaded: { ContinuousClock.now < end }, limit: limit)
                    return 0
                }
            }
            let poisoner = Poisoner(
                topic: topics.name("events"), partitions: topics.partitions, brokers: cluster.brokers,
                largest: cluster.isReal ? 1_000_000 : 50_000)
            group.addTask { [settings] in await poisoner.run(until: end, seed: settings.seed) }
            for step in plan.steps {
                group.addTask {
                    try? await Task.sleep(until: start + step.at, clock: .continuous)
                    note("\(step.at) \(step.target): \(step.deed)")
                    await fleet.carryOut(step)
                    return 0
                }
            }
            return await group.reduce(0, +)
        }
    }

    // MARK: Quiet

    /// Waits until everything acknowledged is stored and everything stored is in its account.
    private func settle(_ clients: ClientBooks, _ witness: Witness) async throws -> Bool {
        let ledger = clients.ledger
        let committed = try CommittedOffsets(
            group: "\(topics.prefix)-score", topic: topics.name("events"), partitions: topics.partitions,
            brokers: cluster.brokers)
        let deadline = ContinuousClock.now + settings.settle
        while ContinuousClock.now < deadline {
            let waiting = try witness.look { books in
                (missing: books.missing, lost: ledger.missing(firsts: books.firsts))
            }
            if waiting.missing == 0, waiting.lost == 0 {
                // On the mock no offset is ever committed: there a score for every event has to do.
                guard cluster.isReal else { return true }
                let ends = witness.read["events"] ?? []
                if let offsets = committed.fetch(), zip(offsets, ends).allSatisfy({ ($0?.next ?? 0) >= $1 }) {
                    return true
                }
            }
            try await Task.sleep(for: .milliseconds(500))
        }
        return false
    }

    // MARK: Proof

    private func prove(
        _ fleet: Fleet, _ clients: ClientBooks, _ witness: Witness, settled: Bool, poisoned: Int, notes: [String]
    ) async throws -> ChaosReport {
        let caughtUp = try await witness.caughtUp(topics, brokers: cluster.brokers, within: .seconds(60))
        let complete = settled && caughtUp
        await witness.end()
        let ledger = clients.ledger
        let read = witness.read
        var findings = clients.problems
        var counts: [String: Int] = [:]
        findings += try witness.look { books in
            counts = [
                "acknowledged": ledger.acknowledged, "of them by spool": ledger.acknowledgedBySpool,
                "posts sent again": ledger.retried, "unknown at the end": ledger.unknown.count,
                "records stored": books.stored, "score records": books.scoreRecords, "poison": poisoned,
                "sessions": books.firsts.count,
            ]
            if !complete {
                counts["acknowledged and not yet stored"] = ledger.missing(firsts: books.firsts)
                counts["stored and not yet in an account"] = books.missing
            }
            return ledger.violations(firsts: books.firsts, complete: complete)
                + books.findings(exactlyOnce: cluster.isReal, complete: complete)
        }
        var claimed = [
            "every acknowledged event is stored", "every session's events stand in the order in which they were sent",
            "every session stands on its key's partition", "every unusable record is kept in rejected with its place",
        ]
        var notClaimed: [String] = []
        if cluster.isReal {
            if complete {
                findings += try positions(witness, ends: read["events"] ?? [])
                findings += try await audit()
            }
            claimed += [
                "read_committed shows every record of events in exactly one account",
                "the committed positions count the same", "dinghy audit finds a difference of 0",
            ]
        } else {
            claimed.append("every event that is due has a score, and all scores of one event say the same")
            notClaimed = [
                "exactly one score an event: the mock forgets offsets sent with a transaction, so whoever takes a "
                    + "partition over scores it again",
                "read_committed: the mock shows open and aborted transactions", "fencing: the mock has none",
                "committed positions and dinghy audit: the mock keeps no positions",
            ]
        }
        return ChaosReport(
            seed: settings.seed, log: "a \(cluster.isReal ? "real" : "mock") cluster, \(cluster.brokers)",
            settled: complete, claimed: claimed, notClaimed: notClaimed, findings: findings,
            notes: notes + (await fleet.lastWords), deeds: await fleet.counts, counts: counts)
    }

    private func positions(_ witness: Witness, ends: [Int64]) throws -> [String] {
        let committed = try CommittedOffsets(
            group: "\(topics.prefix)-score", topic: topics.name("events"), partitions: topics.partitions,
            brokers: cluster.brokers)
        guard let offsets = committed.fetch(timeout_ms: 30_000) else {
            return ["the brokers do not tell the committed positions"]
        }
        return try witness.look { books in
            offsets.enumerated().flatMap { partition, committed -> [String] in
                guard let committed else {
                    return ends[partition] == 0 ? [] : ["partition \(partition): no position was committed"]
                }
                return books.compare(
                    position: committed.metadata, next: committed.next, end: ends[partition], partition: partition)
            }
        }
    }

    private func audit() async throws -> [String] {
        let result = try await Child.run(
            workplace.dinghy, ["audit", "--config", workplace.config], log: workplace.log("audit"))
        return result.code == 0 ? [] : ["dinghy audit ended with \(result.code): \(result.output.suffix(2_000))"]
    }
}
