import Configuration
import EventLog
import FoundationEssentials
import SystemPackage
import Yams

/// What is wrong with the configuration, naming key, place and fix.
struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    var description: String
}

/// Reads settings: flags over environment over YAML over defaults.
struct SettingsLoader {
    /// `nil`: no file.
    var path: String?
    /// `key=value` of `--set`, and what other flags stand for.
    var overrides: [(key: String, value: String)] = []
    var environment: [String: String]

    func load() async throws -> Settings {
        let places = try path.map { try yamlPlaces($0) } ?? [:]
        for key in places.keys.sorted() where !Self.isKnown(key) {
            throw ConfigurationError(
                description: "\(place(places[key])): unknown key '\(key)'\(Self.suggestion(for: key))")
        }
        for (key, _) in overrides where !Self.isKnown(key) {
            throw ConfigurationError(description: "--set \(key): unknown key\(Self.suggestion(for: key))")
        }
        for variable in environment.keys.sorted() where variable.hasPrefix("DINGHY_") && !isKnownVariable(variable) {
            throw ConfigurationError(description: "environment variable \(variable) stands for no setting")
        }

        if let fault = environment[FaultPoint.variable] {
            do throws(Fault.Malformed) { _ = try Fault(fault) } catch {
                throw ConfigurationError(description: "environment variable \(FaultPoint.variable): \(error)")
            }
        }

        let flags = InMemoryProvider(
            name: "flags",
            values: Dictionary(
                overrides.map {
                    (
                        AbsoluteConfigKey($0.key.split(separator: ".").map(String.init)),
                        .init(.string($0.value), isSecret: false)
                    )
                },
                uniquingKeysWith: { $1 }))
        let variables = EnvironmentVariablesProvider(environmentVariables: environment).prefixKeys(with: "dinghy")
        var providers: [any ConfigProvider] = [flags, variables]
        if let path { providers.append(try await FileProvider<YAMLSnapshot>(filePath: FilePath(path))) }
        let reader = ConfigReader(providers: providers)

        var settings = Settings()
        for key in SettingKey.all {
            do {
                try apply(key, reader: reader, to: &settings)
            } catch {
                throw ConfigurationError(
                    description: "\(source(of: key.name, places: places)): \(key.name): \(error.reason)")
            }
        }
        settings.kafkaProperties = try kafkaProperties(places: places)
        return settings
    }

    private func apply(_ key: SettingKey, reader: ConfigReader, to settings: inout Settings) throws(SettingKey
        .Malformed)
    {
        let name = ConfigKey(key.name.split(separator: ".").map(String.init))
        switch key.apply {
        case .scalar(let apply):
            if let text = reader.string(forKey: name) { try apply(text, &settings) }
        case .list(let apply):
            // One text with commas, or a YAML sequence.
            if let items = reader.stringArray(forKey: name) {
                try apply(items.flatMap { $0.split(separator: ",").map { String($0.trimmed) } }, &settings)
            } else if let text = reader.string(forKey: name) {
                try apply(text.split(separator: ",").map { String($0.trimmed) }, &settings)
            }
        }
    }

    // MARK: Places in the YAML file

    private struct Place {
        var line: Int
        var value: Node
    }

    /// Every leaf of the file by its dotted key.
    private func yamlPlaces(_ path: String) throws -> [String: Place] {
        let text: String
        do { text = try String(contentsOfFile: path, encoding: .utf8) } catch {
            throw ConfigurationError(
                description: "\(path): cannot be read: give another file with --config, or create it")
        }
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch {
            throw ConfigurationError(description: "\(path): is no YAML: \(error)")
        }
        guard let root, root != "" else { return [:] }
        guard case .mapping = root else {
            throw ConfigurationError(description: "\(path): holds no keys at its top")
        }
        var places: [String: Place] = [:]
        try collect(root, prefix: "", into: &places, path: path)
        return places
    }

    private func collect(_ node: Node, prefix: String, into places: inout [String: Place], path: String) throws {
        guard case .mapping(let mapping) = node else {
            places[prefix] = Place(line: node.mark?.line ?? 0, value: node)
            return
        }
        for (key, value) in mapping {
            guard let name = key.string else {
                throw ConfigurationError(description: "\(path) line \(key.mark?.line ?? 0): a key that is no text")
            }
            let dotted = prefix.isEmpty ? name : prefix + "." + name
            if case .mapping = value {
                try collect(value, prefix: dotted, into: &places, path: path)
            } else {
                // An empty value is a section with nothing in it, or a key left at its default.
                if value.scalar?.string == "" || value.tag == .implicit && value.string == nil && value.sequence == nil
                {
                    if Self.sections.contains(dotted) { continue }
                }
                places[dotted] = Place(line: key.mark?.line ?? 0, value: value)
            }
        }
    }

    private func place(_ place: Place?) -> String {
        "\(path ?? "") line \(place?.line ?? 0)"
    }

    private func source(of key: String, places: [String: Place]) -> String {
        if overrides.contains(where: { $0.key == key }) { return "command line" }
        let variable = Self.variable(for: key)
        if environment[variable] != nil { return "environment variable \(variable)" }
        return place(places[key])
    }

    private func kafkaProperties(places: [String: Place]) throws -> [String: String] {
        var properties: [String: String] = [:]
        for (key, place) in places where key.hasPrefix(SettingKey.kafkaProperties) {
            guard let text = place.value.scalar?.string else {
                throw ConfigurationError(description: "\(self.place(place)): \(key): is no single value")
            }
            properties[String(key.dropFirst(SettingKey.kafkaProperties.count))] = text
        }
        for (key, value) in overrides where key.hasPrefix(SettingKey.kafkaProperties) {
            properties[String(key.dropFirst(SettingKey.kafkaProperties.count))] = value
        }
        return properties
    }

    // MARK: Names

    private static let names = Set(SettingKey.all.map(\.name))
    private static let sections = Set(names.compactMap { $0.split(separator: ".").first.map(String.init) })
        .union(["kafka.properties"])

    /// Variables that are no settings.
    private static let otherVariables: Set<String> = ["DINGHY_WRITE_KEY", "DINGHY_URL", FaultPoint.variable]

    private static func isKnown(_ key: String) -> Bool {
        names.contains(key) || key.hasPrefix(SettingKey.kafkaProperties)
    }

    private static func variable(for key: String) -> String {
        "DINGHY_" + String(key.map { $0 == "." || $0 == "-" ? "_" : $0 }).uppercased()
    }

    private func isKnownVariable(_ variable: String) -> Bool {
        Self.names.contains { Self.variable(for: $0) == variable } || Self.otherVariables.contains(variable)
            || variable.hasPrefix("DINGHY_TEST_")
    }

    /// The known key that shares the last word or the most letters, where one is close.
    private static func suggestion(for key: String) -> String {
        let word = key.split(separator: ".").last.map(String.init) ?? key
        let near = names.sorted().first { $0.hasSuffix("." + word) || $0.hasPrefix(key) || $0.hasSuffix(key) }
        return near.map { "; did you mean '\($0)'?" } ?? "; known are \(names.sorted().joined(separator: ", "))"
    }
}

extension StringProtocol {
    fileprivate var trimmed: SubSequence {
        let start = firstIndex { !$0.isWhitespace } ?? endIndex
        let end = lastIndex { !$0.isWhitespace }.map { index(after: $0) } ?? start
        return self[start..<end]
    }
}
