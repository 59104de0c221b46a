import Collector
import Edge
import Logging

/// A setting as it is named in YAML (`http.port`), in the environment (`DINGHY_HTTP_PORT`) and with `--set`.
struct SettingKey: Sendable {
    /// How a value's text becomes a setting; throws what is wrong with it, without the key's name.
    enum Apply: Sendable {
        case scalar(@Sendable (String, inout Settings) throws(Malformed) -> Void)
        case list(@Sendable ([String], inout Settings) throws(Malformed) -> Void)
    }

    struct Malformed: Error {
        /// What is refused, where it may be repeated; said before `reason`.
        var value: String?
        var reason: String
    }

    var name: String
    var apply: Apply

    static let all: [SettingKey] = [
        text("data", \.data),
        list("roles") { (roles, settings) throws(Malformed) in
            var chosen: Set<Settings.Role> = []
            for role in roles { chosen.insert(try oneOf(role)) }
            guard !chosen.isEmpty else { throw Malformed(reason: "names no role") }
            settings.roles = chosen
        },
        text("http.host", \.host),
        integer("http.port", \.port, 0...65_535),
        scalar("http.token") { (token, settings) throws(Malformed) in
            // Of a cookie's letters, and never repeated in an error.
            guard token.isEmpty || token.utf8.count >= 16 && token.utf8.allSatisfy(isTokenByte) else {
                throw Malformed(reason: "a token has at least 16 characters, of A-Z, a-z, 0-9, - . _ ~")
            }
            settings.token = token
        },
        flag("http.open-metrics", \.opensMetrics),
        flag("http.open-console", \.opensConsole),
        list("http.allowed-hosts") { (hosts, settings) throws(Malformed) in settings.allowedHosts = hosts },
        flag("http.trust-forwarded", \.trustsForwarded),
        integer("http.max-connections", \.edge.maxConnections, 1...1_000_000),
        integer("http.max-connections-per-address", \.edge.maxConnectionsPerAddress, 1...1_000_000),
        integer("http.max-head-bytes", \.edge.maxHeadBytes, 1_024...(1 << 20)),
        integer("http.max-headers", \.edge.maxHeaders, 8...1_000),
        integer("http.max-pipelined", \.edge.maxPipelined, 1...10_000),
        milliseconds("http.head-timeout-ms", \.edge.headTimeout),
        integer("http.min-body-bytes-per-second", \.edge.minBodyBytesPerSecond, 0...(1 << 30)),
        milliseconds("http.answer-timeout-ms", \.edge.answerTimeout),
        milliseconds("http.write-timeout-ms", \.edge.writeTimeout),
        milliseconds("http.idle-timeout-ms", \.edge.idleTimeout),
        scalar("log.kind") { (text, settings) throws(Malformed) in settings.logKind = try oneOf(text) },
        integer("log.partitions", \.partitions, 1...1_024),
        integer("log.retention-days", \.retentionDays, 0...36_500),
        list("collect.write-keys") { (keys, settings) throws(Malformed) in
            guard keys.allSatisfy({ $0.utf8.count >= 16 }) else {
                throw Malformed(reason: "a write key needs at least 16 characters")
            }
            settings.writeKeys = keys
        },
        list("collect.origins") { (origins, settings) throws(Malformed) in
            guard origins.allSatisfy({ $0 == "*" || $0.hasPrefix("https://") || $0.hasPrefix("http://") }) else {
                throw Malformed(reason: "an origin is * or begins with https:// or http://")
            }
            settings.origins = origins
        },
        integer("collect.max-body-bytes", \.maxBodyBytes, 1_024...(64 << 20)),
        integer("collect.max-inflated-bytes", \.maxInflatedBytes, 1_024...(256 << 20)),
        integer("collect.max-events", \.maxEvents, 1...100_000),
        integer("collect.max-requests", \.maxRequests, 1...100_000),
        integer("collect.rate", \.rate, 0...1_000_000_000),
        scalar("collect.burst") { (text, settings) throws(Malformed) in
            settings.burst = try whole(text, 1...1_000_000_000)
        },
        integer("collect.daily-quota", \.dailyQuota, 0...1_000_000_000_000),
        scalar("collect.gpc") { (text, settings) throws(Malformed) in settings.gpc = try oneOf(text) },
        scalar("collect.dnt") { (text, settings) throws(Malformed) in settings.dnt = try oneOf(text) },
        integer("score.batch", \.scoreBatch, 1...100_000),
        scalar("score.commit-interval-ms") { (text, settings) throws(Malformed) in
            settings.commitInterval_ms = try whole(text, 0...10_000)
        },
        text("retrain.schedule", \.schedule),
        text("retrain.time-zone", \.timeZone),
        text("retrain.timeline", \.timeline),
        integer("retrain.max-sessions", \.maxSessions, 1_000...100_000_000),
        integer("retrain.min-sessions", \.minSessions, 1...100_000_000),
        integer("retrain.min-buyers", \.minBuyers, 1...100_000_000),
        scalar("retrain.bots") { (text, settings) throws(Malformed) in settings.bots = try oneOf(text) },
        integer("retrain.hidden-size", \.hiddenSize, 4...512),
        integer("retrain.seed", \.seed, 0...Int.max),
        text("kafka.brokers", \.brokers),
        text("kafka.topic-prefix", \.topicPrefix),
        text("kafka.group", \.group),
        text("kafka.instance", \.instance),
        text("spool.directory", \.spoolDirectory),
        integer("spool.max-bytes", \.spoolMaxBytes, (64 << 20)...(1 << 44)),
        scalar("logging.level") { (text, settings) throws(Malformed) in settings.logLevel = try oneOf(text) },
    ]

    /// Keys below it are librdkafka's own and are not checked here.
    static let kafkaProperties = "kafka.properties."

    static let names = Set(all.map(\.name))

    /// What stands below it is a key, or a section of keys.
    static let sections = Set(names.compactMap { $0.split(separator: ".").dropLast().first.map(String.init) })
        .union(["kafka.properties"])

    static func isKnown(_ name: String) -> Bool {
        names.contains(name) || name.hasPrefix(kafkaProperties) && name.utf8.count > kafkaProperties.utf8.count
    }

    /// Whether its value is never to be seen. Of librdkafka's own nobody knows which hold a password.
    static func isSecret(_ name: String) -> Bool {
        name == "http.token" || name == "collect.write-keys" || name.hasPrefix(kafkaProperties)
    }

    /// The environment variable that stands for a key.
    static func variable(_ name: String) -> String {
        "DINGHY_" + String(name.map { $0 == "." || $0 == "-" ? "_" : $0 }).uppercased()
    }

    private static func scalar(
        _ name: String, _ apply: @escaping @Sendable (String, inout Settings) throws(Malformed) -> Void
    ) -> SettingKey {
        SettingKey(name: name, apply: .scalar(apply))
    }

    private static func list(
        _ name: String, _ apply: @escaping @Sendable ([String], inout Settings) throws(Malformed) -> Void
    ) -> SettingKey {
        SettingKey(name: name, apply: .list(apply))
    }

    private static func text(_ name: String, _ path: any WritableKeyPath<Settings, String> & Sendable) -> SettingKey {
        scalar(name) { (text, settings) throws(Malformed) in settings[keyPath: path] = text }
    }

    private static func integer(
        _ name: String, _ path: any WritableKeyPath<Settings, Int> & Sendable, _ range: ClosedRange<Int>
    ) -> SettingKey {
        scalar(name) { (text, settings) throws(Malformed) in
            settings[keyPath: path] = try whole(text, range)
        }
    }

    private static func milliseconds(
        _ name: String, _ path: any WritableKeyPath<Settings, Duration> & Sendable
    ) -> SettingKey {
        scalar(name) { (text, settings) throws(Malformed) in
            settings[keyPath: path] = .milliseconds(try whole(text, 100...86_400_000))
        }
    }

    private static func flag(_ name: String, _ path: any WritableKeyPath<Settings, Bool> & Sendable) -> SettingKey {
        scalar(name) { (text, settings) throws(Malformed) in
            guard let value = Bool(text) else { throw Malformed(value: text, reason: "is neither true nor false") }
            settings[keyPath: path] = value
        }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    private static func whole(_ text: String, _ range: ClosedRange<Int>) throws(Malformed) -> Int {
        guard let value = Int(text), range.contains(value) else {
            throw Malformed(
                value: text, reason: "is no whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    private static func oneOf<T: RawRepresentable & CaseIterable>(_ text: String) throws(Malformed) -> T
    where T.RawValue == String {
        guard let value = T(rawValue: text) else {
            throw Malformed(
                value: text, reason: "is none of \(T.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }
}
