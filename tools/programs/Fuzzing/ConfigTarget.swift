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
        // Few messages hold the secret's text at all.
        guard holds(message, secret) else { return nil }
        return (flags.secrets + secrets(input)).contains { holds(message, $0) } ? "a secret is shown: \(message)" : nil
    }

    private static func holds(_ text: String, _ part: String) -> Bool {
        [UInt8](text.utf8).firstRange(of: [UInt8](part.utf8)) != nil
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

    /// What the file holds in places of secrets, with the secret's text in it; of a file that is no YAML nobody knows.
    private static func secrets(_ input: [UInt8]) -> [String] {
        do {
            let text = String(decoding: input, as: UTF8.self)
            return try Yams.compose(yaml: text, .basic, .default, .utf8).map { secrets($0, at: "") } ?? []
        } catch {
            return [secret]
        }
    }

    private static func secrets(_ node: Node, at key: String) -> [String] {
        switch node {
        case .scalar(let scalar): return isSecret(key) ? items(scalar.string) : []
        case .sequence(let sequence):
            return isSecret(key) ? sequence.flatMap { items($0.scalar?.string ?? "") } : []
        case .mapping(let mapping):
            // Deeper than any section: nothing there is a setting.
            guard key.count < 60 else { return [] }
            return mapping.flatMap { name, value in
                secrets(value, at: key + (key.isEmpty ? "" : ".") + (name.scalar?.string ?? ""))
            }
        case .alias: return []
        }
    }

    private static func isSecret(_ key: String) -> Bool {
        key == "http.token" || key == "collect.write-keys" || key.hasPrefix("kafka.properties.")
    }

    /// A list may be one text.
    private static func items(_ text: String) -> [String] {
        text.split(separator: ",").map { $0.trimmed }.filter { $0.contains(secret) }
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

        var secrets: [String] {
            let set = assignments.filter { isSecret(String($0.prefix { $0 != "=" })) }
            let variables = ["DINGHY_HTTP_TOKEN", "DINGHY_COLLECT_WRITE_KEYS"].compactMap { environment[$0] }
            return (set.map { String($0.drop { $0 != "=" }.dropFirst()) } + variables).flatMap(items)
        }
    }
}

extension Substring {
    fileprivate var trimmed: String {
        let text = drop { $0.isWhitespace }
        return String(text[..<(text.lastIndex { !$0.isWhitespace }.map { text.index(after: $0) } ?? text.endIndex)])
    }
}
