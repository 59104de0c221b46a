import ArgumentParser
import EmbeddedLog
import FoundationEssentials
import ProgramSettings

/// A command that ends with exit code 1 and this sentence.
struct CommandFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// Where settings come from: shared by all commands.
struct SettingsOptions: ParsableArguments {
    @Option(help: "YAML file with settings; see config/dinghy.yaml.")
    var config: String?
    @Option(help: ArgumentHelp("A setting over file and environment; may be repeated.", valueName: "key=value"))
    var set: [String] = []
    @Option(help: "Data directory (setting data; default: data).")
    var data: String?

    /// As they were given, for another command of this program.
    var arguments: [String] {
        (config.map { ["--config", $0] } ?? []) + set.flatMap { ["--set", $0] } + (data.map { ["--data", $0] } ?? [])
    }

    func settings(_ more: [(key: String, value: String)] = []) async throws -> Settings {
        var overrides: [(key: String, value: String)] = []
        for assignment in set { overrides.append(try SettingsLoader.assignment(assignment)) }
        if let data { overrides.append(("data", data)) }
        return try SettingsLoader(
            path: config, overrides: overrides + more, environment: ProcessInfo.processInfo.environment
        ).load()
    }
}

/// Which running server a command talks to.
struct TargetOptions: ParsableArguments {
    @OptionGroup var options: SettingsOptions
    @Option(help: "URL of a running server (default: the one that serves the data directory).")
    var url: String?

    /// The server that was named, or else the one that serves the data directory; `nil` where there is neither.
    func servingURL(_ settings: Settings) -> String? {
        if let url = url ?? ProcessInfo.processInfo.environment["DINGHY_URL"] { return url }
        return settings.logKind == .embedded ? DataDirectory.servingURL(settings.data) : nil
    }

    /// Where a server should be.
    func url(_ settings: Settings) -> String {
        servingURL(settings) ?? "http://\(settings.host):\(settings.port)"
    }
}

/// A URL in the making, with what goes into the query encoded.
struct URLParts {
    private(set) var text: String
    private var hasQuery = false

    init(base: String, path: String) throws {
        guard base.hasPrefix("http://") || base.hasPrefix("https://") else {
            throw CommandFailure("'\(base)' is no URL: it begins with http:// or https://")
        }
        text = (base.hasSuffix("/") ? String(base.dropLast()) : base) + path
    }

    mutating func add(_ name: String, _ value: String) {
        text += (hasQuery ? "&" : "?") + name + "="
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                text += "%" + (hex.count == 1 ? "0" : "") + hex
            }
        }
        hasQuery = true
    }
}
