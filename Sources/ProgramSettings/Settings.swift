package import Collector
package import Edge
package import Logging

/// Everything that can be configured, with its default. `SettingsLoader` fills it from flags, environment and
/// YAML.
package struct Settings: Sendable, Equatable {
    package enum LogKind: String, CaseIterable { case embedded, kafka }
    package enum Bots: String, CaseIterable { case exclude, include }
    package enum Role: String, CaseIterable { case collect, score, retrain, console }

    package var data = "data"
    package var roles = Set(Role.allCases)

    package var host = "127.0.0.1"
    package var port = 8080
    /// Empty: none.
    package var token = ""
    package var opensMetrics = false
    /// Serves without a token although others than this machine can reach it.
    package var opensConsole = false
    package var allowedHosts: [String] = []
    package var trustsForwarded = false
    package var edge = EdgeLimits()

    package var logKind = LogKind.embedded
    package var partitions = 1
    /// 0: everything is kept.
    package var retentionDays = 0

    package var writeKeys: [String] = []
    package var origins: [String] = []
    package var maxBodyBytes = 1 << 20
    package var maxInflatedBytes = 8 << 20
    package var maxEvents = 10_000
    package var maxRequests = 256
    package var rate = 0
    /// `nil`: ten seconds' worth.
    package var burst: Int?
    package var dailyQuota = 0
    package var gpc = PrivacyAction.ignore
    package var dnt = PrivacyAction.ignore

    package var scoreBatch = 2_000
    /// How long a folded record waits for more before it is committed.
    package var commitInterval: Duration { .milliseconds(commitInterval_ms ?? (logKind == .kafka ? 50 : 0)) }
    /// `nil`: what suits the log.
    package var commitInterval_ms: Int?

    /// Empty: no schedule.
    package var schedule = ""
    package var timeZone = "UTC"
    package var timeline = "all"
    package var maxSessions = 1_000_000
    package var minSessions = 600
    package var minBuyers = 150
    package var bots = Bots.exclude
    package var hiddenSize = 32
    package var seed = 1

    package var brokers = ""
    package var topicPrefix = "dinghy"
    package var group = "dinghy-score"
    package var instance = "dinghy-1"
    /// Handed to librdkafka as they are.
    package var kafkaProperties: [String: String] = [:]

    /// Empty: `spool` below `data`.
    package var spoolDirectory = ""
    package var spoolMaxBytes = 1 << 30

    package var logLevel = Logger.Level.info

    package init() {}
}
