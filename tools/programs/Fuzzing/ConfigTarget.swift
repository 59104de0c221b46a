import ProgramSettings
import Retraining
import Yams

/// The configuration: a YAML file with, in comments at its top, what came by `--set` and from the environment. Beside
/// not crashing: what is refused is refused in one line that says where, what is accepted is accepted the same a second
/// time and is what its values say, and no secret stands in a message.
enum ConfigTarget {
    private static let path = "dinghy.yaml"
    /// Stands in the corpus wherever a secret belongs; spoilt inputs put it anywhere.
    private static let secret = "hidden-Secret_0123456789"
    private static let maxMessageBytes = 4_096

    static func config(_ input: [UInt8]) -> String? {
        let flags = Flags(input)
        do throws(ConfigurationError) {
            let settings = try flags.settings(input)
            let again: Settings
            do throws(ConfigurationError) { again = try flags.settings(input) } catch {
                return "accepted, and refused the second time: \(error)"
            }
            if again != settings { return "other settings the second time" }
            return problem(of: settings)
        } catch {
            return problem(of: error.description, input, flags)
        }
    }

    private static func problem(of settings: Settings) -> String? {
        if !(0...65_535).contains(settings.port) { return "port \(settings.port)" }
        if settings.roles.isEmpty { return "no roles" }
        if !settings.token.isEmpty, settings.token.utf8.count < 16 { return "a token of \(settings.token.utf8.count)" }
        if settings.writeKeys.contains(where: { $0.utf8.count < 16 }) { return "a short write key" }
        guard !settings.schedule.isEmpty else { return nil }
        do throws(CronError) {
            _ = try CronSchedule(settings.schedule, timeZone: settings.timeZone)
            return nil
        } catch {
            return "\(error)".isEmpty ? "a schedule is refused without words" : nil
        }
    }

    private static func problem(of message: String, _ input: [UInt8], _ flags: Flags) -> String? {
        if message.utf8.count > maxMessageBytes { return "\(message.utf8.count) bytes of refusal" }
        if message.unicodeScalars.contains(where: { $0.value < 0x20 }) {
            return "a refusal of several lines: \(message)"
        }
        if let problem = misplaced(message, input) { return problem }
        let shows = [UInt8](message.utf8).firstRange(of: [UInt8](secret.utf8)) != nil
        if shows, flags.holdSecret || isSecret(input) { return "a secret is shown: \(message)" }
        return nil
    }

    /// Every refusal says where: a line of the file, the whole file, an option or a variable.
    private static func misplaced(_ message: String, _ input: [UInt8]) -> String? {
        if ["--set", "command line: ", "environment variable ", path + ": "].contains(where: message.hasPrefix) {
            return nil
        }
        let lines = String(decoding: input, as: UTF8.self).split(
            omittingEmptySubsequences: false, whereSeparator: \.isNewline
        ).count
        guard message.hasPrefix(path + " line "),
            let line = Int(message.dropFirst(path.count + 6).prefix { $0.isNumber }), (1...lines).contains(line)
        else { return "a refusal that says no place: \(message)" }
        return nil
    }

    /// Whether the file holds the secret where one belongs; of a file that is no YAML nobody knows.
    private static func isSecret(_ input: [UInt8]) -> Bool {
        do {
            return try Yams.compose(yaml: String(decoding: input, as: UTF8.self), .basic).map { holds($0, at: "") }
                ?? false
        } catch {
            return true
        }
    }

    private static func holds(_ node: Node, at key: String) -> Bool {
        let isSecret = key == "http.token" || key == "collect.write-keys" || key.hasPrefix("kafka.properties.")
        switch node {
        case .scalar(let scalar): return isSecret && scalar.string.contains(secret)
        case .sequence(let sequence):
            return isSecret && sequence.contains { $0.scalar?.string.contains(secret) == true }
        case .mapping(let mapping):
            // Deeper than any section: nothing there is a setting.
            guard key.count < 60 else { return false }
            return mapping.contains { holds($0.value, at: key + (key.isEmpty ? "" : ".") + ($0.key.string ?? "")) }
        case .alias: return false
        }
    }

    /// `#--set KEY=VALUE` and `#env NAME=VALUE`, a line each, before the file's own lines.
    private struct Flags {
        var assignments: [String] = []
        var environment: [String: String] = [:]

        init(_ input: [UInt8]) {
            for line in String(decoding: input, as: UTF8.self).split(separator: "\n").prefix(20) {
                if line.hasPrefix("#--set ") { assignments.append(String(line.dropFirst(7))) }
                guard line.hasPrefix("#env "), let equals = line.firstIndex(of: "=") else { continue }
                environment[String(line[..<equals].dropFirst(5))] = String(line[line.index(after: equals)...])
            }
        }

        func settings(_ input: [UInt8]) throws(ConfigurationError) -> Settings {
            var overrides: [(key: String, value: String)] = []
            for assignment in assignments { overrides.append(try SettingsLoader.assignment(assignment)) }
            return try SettingsLoader(path: path, overrides: overrides, environment: environment).load(file: input)
        }

        var holdSecret: Bool {
            let isSet = assignments.contains { text in
                text.contains(secret)
                    && ["http.token", "collect.write-keys=", "kafka.properties."].contains(where: text.hasPrefix)
            }
            return isSet
                || ["DINGHY_HTTP_TOKEN", "DINGHY_COLLECT_WRITE_KEYS"].contains {
                    environment[$0]?.contains(secret) == true
                }
        }
    }
}
