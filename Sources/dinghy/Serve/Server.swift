import Collector
import Console
import CoreMetrics
import Edge
import EventLog
import FoundationEssentials
import Hummingbird
import Logging
import Models
import NIOCore
import ProgramSettings
import Retraining
import Scoring
import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One process in the roles that the settings give it.
///
/// Services end in the reverse of their order: first no retraining begins, then watchers are sent home, then requests
/// under way get their answer, then scoring commits what it has folded; the log closes last.
struct Server {
    let settings: Settings
    /// Arguments of the process that retrains.
    let retrainArguments: [String]

    func run() async throws {
        try settings.checkAccess()
        let logger = settings.logger()
        let metrics = MetricsRegistry()
        MetricsSystem.bootstrap(metrics)
        let schedule =
            settings.roles.contains(.retrain) && !settings.schedule.isEmpty
            ? try settings.cronSchedule() : nil
        let opened = try await Opened.forWriting(
            settings, collects: settings.roles.contains(.collect), logger: logger)
        do {
            // "No model yet" is said only by who has read all there is.
            if settings.roles.contains(.score) { try await opened.models.refresh() }
            try await run(opened, metrics: metrics, schedule: schedule, logger: logger)
        } catch {
            await opened.close()
            throw explained(error)
        }
        await opened.close()
        logger.info("closed in order")
    }

    private func run(
        _ opened: Opened, metrics: MetricsRegistry, schedule: CronSchedule?, logger: Logger
    ) async throws {
        let feed = Feed(outputs: opened.outputs, logger: logger)
        let scheduler = schedule.map { schedule in
            RetrainScheduler(schedule: schedule, logger: logger) { [retrainArguments] in
                await ChildProcess(arguments: retrainArguments).run(logger: logger)
            }
        }
        let scoring = ScoringStatus()
        let router = Router(context: EdgeContext.self)
        router.add(middleware: AccessGate(settings.access))
        var collector: CollectorRoutes?
        if settings.roles.contains(.collect) {
            let routes = CollectorRoutes(
                log: opened.log, settings: settings.collector, logger: logger, now: WallClock.now)
            routes.add(to: router)
            collector = routes
            if settings.writeKeys.isEmpty, !settings.isLoopback {
                logger.warning(
                    "collect.write-keys is empty and \(settings.host) is no loopback address: anyone may send events")
            }
        }
        let roles = settings.roles
        ConsoleRoutes(feed: feed, metrics: metrics) {
            try await opened.status(
                scoring: roles.contains(.score) ? scoring.snapshot : nil, retraining: scheduler?.status(),
                watching: roles.contains(.console) ? feed.clientCount : nil)
        } notReady: {
            (opened.log.stopped.map { ["a restart: \($0)"] } ?? [])
                + (roles.contains(.score) && !scoring.snapshot.ready ? ["scoring: the log is being folded again"] : [])
                + (roles.contains(.console) && !feed.isStarted ? ["the console: recent scores are being read"] : [])
        }.add(to: router)

        let name = "dinghy/\(Dinghy.version)"
        let application = Application(
            router: router,
            server: .guarded(
                OpenFiles.fitted(settings.edge, logger: logger), door: collector?.door, serverName: name),
            configuration: .init(address: .hostname(settings.host, port: settings.port), serverName: name),
            onServerRunning: { channel in announce(channel, opened, logger) }, logger: logger.quieter())

        var services: [any Service] = []
        if let following = opened.following { services.append(Following(follow: following)) }
        if let collector, settings.dailyQuota > 0 {
            services.append(Following { await collector.keepQuotas(logger: logger) })
        }
        if roles.contains(.score) { services.append(try scoringService(opened, status: scoring, logger: logger)) }
        services.append(application)
        if roles.contains(.console) { services.append(feed) }
        if let scheduler { services.append(scheduler) }
        var configuration = ServiceGroupConfiguration(
            services: services.map {
                // A service that ends by itself takes the others with it, in order.
                .init(
                    service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup)
            },
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger.quieter())
        // A watcher that reads nothing any more must not hold the stop.
        configuration.maximumGracefulShutdownDuration = .seconds(30)
        try await ServiceGroup(configuration: configuration).run()
    }

    private func announce(_ channel: any Channel, _ opened: Opened, _ logger: Logger) {
        let port = channel.localAddress?.port ?? settings.port
        let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
        let url = "http://\(host):\(port)"
        do { try opened.announce(url: url) } catch { logger.warning("\(error)") }
        let roles = Settings.Role.allCases.filter(settings.roles.contains).map(\.rawValue).joined(separator: ", ")
        logger.info("dinghy \(Dinghy.version) serves \(url) from \(opened.name) (\(roles))")
    }

    private func scoringService(
        _ opened: Opened, status: ScoringStatus, logger: Logger
    ) throws -> ScoringService {
        var scoring = ScoringService.Settings()
        scoring.batch = settings.scoreBatch
        scoring.commitInterval = settings.commitInterval
        // While brokers are away the collector spools, and what is folded waits for them.
        if settings.logKind == .kafka { scoring.commitAttempts = nil }
        let models = opened.models
        let complaint = Complaint()
        return ScoringService(
            log: opened.log, consumer: try opened.makeConsumer(), status: status, settings: scoring, logger: logger,
            now: WallClock.now
        ) { current in
            do {
                let changed = try models.championIfChanged(from: current)
                complaint.clear()
                return changed.map { NumberedModel(number: $0.number, model: $0.model) }
            } catch {
                // The champion that scores goes on; one line a cause is enough.
                if complaint.isNew("\(error)") { logger.error("the champion cannot be loaded: \(error)") }
                return nil
            }
        }
    }

    /// What the person who started the server can do something about.
    private func explained(_ error: any Error) -> any Error {
        if let error = error as? IOError, error.errnoCode == EADDRINUSE {
            return CommandFailure(
                "port \(settings.port) on \(settings.host) is in use: stop what listens there, or choose another with "
                    + "--port")
        }
        if let error = error as? IOError, error.errnoCode == EACCES {
            return CommandFailure(
                "port \(settings.port) on \(settings.host) is not allowed for this user: choose one above 1023 with --port"
            )
        }
        return error
    }
}
