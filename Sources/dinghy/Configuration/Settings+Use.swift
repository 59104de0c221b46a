import Collector
import Edge
import EmbeddedLog
import Intent
import KafkaLog
import Logging
import ProgramSettings
import Retraining
import SpooledLog

/// The settings as the rooms want them.
extension Settings {
    /// To standard error, so that standard output is the command's own.
    func logger() -> Logger {
        var logger = Logger(label: "dinghy") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = logLevel
        return logger
    }

    var collector: CollectorSettings {
        var collector = CollectorSettings(
            writeKeys: writeKeys, origins: origins, maxBodyBytes: maxBodyBytes, maxInflatedBytes: maxInflatedBytes,
            maxEvents: maxEvents)
        // Where there is a token, replays are its business; a write key stands in every page.
        collector.replayNeedsKey = token.isEmpty
        collector.maxRequests = maxRequests
        collector.limits.rate = rate
        collector.limits.burst = burst
        collector.limits.dailyQuota = dailyQuota
        collector.limits.quotaFile = data + "/quotas.json"
        collector.limits.trustsForwarded = trustsForwarded
        collector.gpc = gpc
        collector.dnt = dnt
        return collector
    }

    var access: AccessPolicy {
        AccessPolicy(
            token: token.isEmpty ? nil : Secret(token), opensMetrics: opensMetrics,
            hosts: isLoopback ? allowedHosts : nil)
    }

    /// The shop's live data is for whoever has the token.
    func checkAccess() throws(ConfigurationError) {
        guard token.isEmpty, !isLoopback, !opensConsole else { return }
        throw ConfigurationError(
            description:
                "http.token: is not set, and \(host) is no loopback address: anyone who reaches it could see the shop's "
                + "sessions and scores. Set a token of at least 16 characters (DINGHY_HTTP_TOKEN), or say "
                + "http.open-console: true where something in front of this server asks who it is")
    }

    func kafka() throws -> KafkaSettings {
        guard !brokers.isEmpty else {
            throw ConfigurationError(
                description: "kafka.brokers: is empty although log.kind is kafka: name at least one host:port")
        }
        return KafkaSettings(
            brokers: brokers, topicPrefix: topicPrefix, group: group, instance: instance, properties: kafkaProperties)
    }

    /// `nil`: everything is kept.
    var retention: RetentionSettings? {
        retentionDays == 0 ? nil : RetentionSettings(age: .seconds(retentionDays * 86_400))
    }

    var spool: SpoolSettings {
        SpoolSettings(directory: spoolDirectory.isEmpty ? data + "/spool" : spoolDirectory, maxBytes: spoolMaxBytes)
    }

    var training: TrainingOptions {
        var options = TrainingOptions()
        options.hiddenSize = hiddenSize
        options.seed = UInt64(seed)
        return options
    }

    var retraining: RetrainRun.Settings {
        var run = RetrainRun.Settings()
        run.timelines = TrainingSet.Timelines(name: timeline)
        run.maxSessions = maxSessions
        run.excludesBots = bots == .exclude
        run.training = training
        run.rules.minSessions = minSessions
        run.rules.minBuyers = minBuyers
        return run
    }

    func cronSchedule() throws -> CronSchedule {
        do { return try CronSchedule(schedule, timeZone: timeZone) } catch {
            throw ConfigurationError(description: "retrain.schedule: \(error)")
        }
    }

    /// Only this machine can reach the server.
    var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}

extension Logger {
    /// For libraries whose every step would be news otherwise.
    func quieter() -> Logger {
        var logger = self
        if logLevel == .info { logger.logLevel = .notice }
        return logger
    }
}
