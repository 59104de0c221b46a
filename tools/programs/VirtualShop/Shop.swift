import Collector
import EventLog
import Events
import Logging
import Scoring
import ServiceLifecycleTestKit
import Sessions

/// A shop under one scheduler: clients, a collector, a log, scorers, and misfortune.
///
/// Embedded, one process is collector, log and scorer, and dies as one. Over Kafka each dies alone, and the log never.
final class Shop: @unchecked Sendable {  // As `World`.
    struct Collecting: Sendable {
        var process: VirtualProcess
        var log: VirtualLog
        var intake: BodyIntake
        var door: Door
    }

    /// What ends in order when a server or a scorer is asked to stop.
    struct Running {
        var process: VirtualProcess
        var consumer: VirtualConsumer
        /// A server's own; over Kafka it is the brokers'.
        var writer: LogWriter?
        var door: Door?
        /// Once it runs.
        var shutdown: GracefulShutdownTestTrigger?
    }

    let world: World
    let law: ShopLaw
    let disk: Disk
    let ledger = Ledger()
    let group: Group
    private(set) var collector: Collecting?
    private(set) var champion: Int?
    /// When which model became champion.
    private(set) var champions: [(at: Int64, number: Int)] = []
    var scorers: [Int: Running] = [:]
    /// Over Kafka: the one writer that all share and nobody kills.
    private var broker: LogWriter?
    private let brokerProcess = VirtualProcess(name: "broker")
    private var clientsLeft = 0
    private var isCalm = false
    private(set) var isOver = false
    private(set) var kills = 0
    /// Servers, scorers and collectors that were asked to stop and did.
    var shutdowns = 0
    /// Readers of what retention had removed that were told so.
    private(set) var refusals = 0
    private var incarnations = 0

    init(_ world: World, _ law: ShopLaw) {
        self.world = world
        self.law = law
        disk = Disk(world, partitions: law.partitions)
        group = Group(world, partitions: law.partitions)
        if law.log.isKafka { broker = LogWriter(world, disk, law.log, brokerProcess) }
    }

    func open() {
        if law.startsWithModel { publish(1) }
        if law.log.isKafka {
            startCollector()
            for number in 0..<law.scorers { startScorer(number) }
        } else {
            startServe()
        }
        clientsLeft = law.clients + (law.replays ? 1 : 0)
        for number in 0..<law.clients {
            world.spawn { [self] in
                await Client(number: number, shop: self).run()
                clientsLeft -= 1
            }
        }
        if law.replays {
            world.spawn { [self] in
                await ReplayClient(shop: self).run()
                clientsLeft -= 1
            }
        }
        if law.log.retention != nil { world.spawn { [self] in await SlowReader(shop: self).run() } }
        world.spawn { [self] in await misfortune() }
        world.spawn { [self] in await close() }
    }

    private func publish(_ number: Int) {
        world.trace("model \(number) is champion")
        champion = number
        champions.append((world.now, number))
    }

    // MARK: Processes

    private func name(_ role: String) -> String {
        incarnations += 1
        return "\(role)#\(incarnations)"
    }

    private func collect(_ process: VirtualProcess, _ writer: LogWriter) -> VirtualLog {
        let log = VirtualLog(world: world, disk: disk, writer: writer, process: process, isKafka: law.log.isKafka)
        collector = Collecting(
            process: process, log: log,
            intake: BodyIntake(
                log: log, maxEvents: 100, maxRecordBytes: 1 << 20, heldBytes: 1 << 16, logger: .silent,
                now: { [world] in world.wallTime }),
            door: Door(world, process))
        return log
    }

    private func startServe() {
        let process = VirtualProcess(name: name("serve"))
        world.trace("\(process.name) starts")
        let writer = LogWriter(world, disk, law.log, process)
        let log = collect(process, writer)
        if let retention = law.log.retention {
            let retention = VirtualRetention(world: world, disk: disk, law: retention, writer: writer, process: process)
            world.spawn { await retention.run() }
        }
        startScoring(0, process, log, writer, collector?.door)
    }

    private func startCollector() {
        guard let broker else { return }
        let process = VirtualProcess(name: name("collector"))
        _ = collect(process, broker)
    }

    private func startScorer(_ number: Int) {
        guard let broker else { return }
        let process = VirtualProcess(name: name("scorer\(number)"))
        world.trace("\(process.name) starts")
        let log = VirtualLog(world: world, disk: disk, writer: broker, process: process, isKafka: true)
        startScoring(number, process, log)
    }

    private func startScoring(
        _ number: Int, _ process: VirtualProcess, _ log: VirtualLog, _ writer: LogWriter? = nil, _ door: Door? = nil
    ) {
        let consumer = VirtualConsumer(world, disk, group, member: number, process, law.log)
        let world = world
        let service = ScoringService(
            log: log, consumer: consumer, status: ScoringStatus(), settings: law.scoring, logger: .silent,
            now: { world.wallTime },
            time: ScoringTime(
                instant: { World.instant.advanced(by: .milliseconds(world.now)) },
                pause: { await world.sleep(Int($0 / .milliseconds(1))) }, executor: world.executor),
            champion: { [self] current in
                guard let champion, champion != current else { return nil }
                let breaks = world.breakage == .wrongModel
                return Models.all.first { $0.number == champion }.map {
                    NumberedModel(
                        number: $0.number, model: breaks ? Models.all[champion % Models.count].model : $0.model)
                }
            })
        let running = Running(process: process, consumer: consumer, writer: writer, door: door)
        scorers[number] = running
        world.spawn { [self] in
            do {
                try await testGracefulShutdown { trigger in
                    if scorers[number]?.process === process { scorers[number]?.shutdown = trigger }
                    try await service.run()
                }
                if process.isAlive { await closeInOrder(running, number) }
            } catch {
                world.trace("\(process.name): scoring ends: \(error)")
                guard process.isAlive else { return }
                world.expect(law.log.isKafka, "\(process.name): scoring ends: \(error)")
                // Its supervisor starts it again.
                kill(scorer: number)
            }
        }
    }

    private func kill(scorer number: Int) {
        guard let process = scorers[number]?.process, process.isAlive, !isOver else { return }
        kills += 1
        world.trace("\(process.name) is killed")
        process.kill()
        startAgain(number)
    }

    func startAgain(_ number: Int) {
        world.spawn { [self] in
            await world.sleep(world.random.within(1...5_000))
            if isOver { return }
            if law.log.isKafka {
                // Its name comes back before the brokers have missed it, or after.
                if world.random.once(in: 2) { group.leave(number) }
                await world.sleep(world.random.within(1...500))
                if !isOver { startScorer(number) }
            } else {
                startServe()
            }
        }
    }

    private func killCollector() {
        guard let process = collector?.process, process.isAlive, !isOver else { return }
        kills += 1
        world.trace("\(process.name) is killed")
        process.kill()
        startCollectorAgain()
    }

    func startCollectorAgain() {
        world.spawn { [self] in
            await world.sleep(world.random.within(1...2_000))
            if !isOver { startCollector() }
        }
    }

    func noteRefusal(_ error: EventLogError) {
        world.trace("slow reader: \(error)")
        if case .unusable = error { refusals += 1 }
    }

    // MARK: Misfortune

    private func misfortune() async {
        while !isCalm {
            await world.sleep(world.random.within(1...law.calm_ms))
            if isCalm { return }
            switch world.random.below(10) {
            case 0...2 where law.kills: kill(scorer: world.random.below(law.scorers))
            case 3 where law.kills && law.log.isKafka: killCollector()
            case 4 where law.clockJumps:
                let size = world.random.one(of: [100, 30_000, 70_000, 3_600_000, 90_000_000])
                world.setClock(aheadBy: Int64(world.random.within(-size...size)))
            case 5 where law.rebalances && law.log.isKafka: group.throwOut(world.random.below(law.scorers))
            case 6 where law.rebalances && law.log.isKafka: group.rebalance()
            case 7: publish(world.random.within(1...Models.count))
            case 8 where law.shutdowns:
                let number = world.random.below(law.scorers)
                world.spawn { [self] in await stop(scorer: number) }
            case 9 where law.shutdowns && law.log.isKafka:
                world.spawn { [self] in await stopCollector() }
            default: break
            }
        }
    }

    // MARK: The end

    /// Once all clients have gone: no more misfortune, and the clock beyond all that it ever showed. Then everything
    /// must be scored and every live session closed, by ticks alone.
    private func close() async {
        while clientsLeft > 0, !isOver { await world.sleep(1_000) }
        isCalm = true
        let latest = disk.partitions.map(\.lastTime).max() ?? 0
        if world.wallTime < latest { world.setClock(aheadBy: world.clockError + latest - world.wallTime) }
        world.trace("calm")
        for _ in 0..<1_200 {
            await world.sleep(1_000)
            if isSettled || isOver { break }
        }
        if isSettled { await Examination(self).run() }
        world.expect(isSettled, "not everything is scored and closed 20 minutes after the last event: \(standing)")
        isOver = true
    }

    /// Sends everybody home, wherever they are.
    func end() {
        isCalm = true
        isOver = true
        for scoring in scorers.values { scoring.process.kill() }
        collector?.process.kill()
        brokerProcess.kill()
    }

    private var isSettled: Bool {
        disk.partitions.allSatisfy { partition in
            guard let position = partition.position else { return partition.nextOffset == 0 }
            return position.next == partition.records.last.map { $0.offset + 1 } ?? 0
                && position.sessions.opened == position.sessions.closed + position.sessions.muted
        }
    }

    private var standing: String {
        disk.partitions.map { "\($0.position?.next ?? 0) of \($0.nextOffset)" }.joined(separator: ", ")
    }
}

extension World {
    /// Where the simulated instants begin; only differences count.
    static let instant = ContinuousClock.now
}

extension Logger {
    /// Misfortune is meant: it must not look like trouble.
    static var silent: Logger { Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() } }
}
