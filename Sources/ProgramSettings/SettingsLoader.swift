import EventLog
import SystemPackage

/// Reads settings: flags over environment over YAML over defaults.
///
/// No message shows a value of `http.token`, `collect.write-keys` or `kafka.properties`, wherever else it stands.
package struct SettingsLoader {
    /// `nil`: no file.
    package var path: String?
    /// `key=value` of `--set`, and what other flags stand for. Of one key the last counts.
    package var overrides: [(key: String, value: String)]
    package var environment: [String: String]

    package init(path: String?, overrides: [(key: String, value: String)] = [], environment: [String: String]) {
        self.path = path
        self.overrides = overrides
        self.environment = environment
    }

    /// What `--set` was given.
    ///
    /// - Throws: where it is no `key=value`; it may be a secret, and is not repeated.
    package static func assignment(_ text: String) throws(ConfigurationError) -> (key: String, value: String) {
        guard let equals = text.firstIndex(of: "=") else {
            let key = SettingKey.names.filter { text.hasPrefix($0) }.max { $0.count < $1.count }
            throw ConfigurationError(description: "--set \(key ?? "…"): is no key=value")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }

    package func load() throws(ConfigurationError) -> Settings { try load(file: try path.map(Self.read)) }

    /// Of what the file holds.
    package func load(file bytes: [UInt8]?) throws(ConfigurationError) -> Settings {
        let file = try bytes.map { bytes throws(ConfigurationError) in
            try SettingsFile(path: path ?? "", bytes: bytes)
        }
        var secrets = file?.secrets ?? Secrets()
        for (key, value) in overrides where SettingKey.isSecret(key) { secrets.insert(.text(value)) }
        for key in SettingKey.names where SettingKey.isSecret(key) {
            if let value = environment[SettingKey.variable(key)] { secrets.insert(.text(value)) }
        }

        if let problem = file?.problem { throw error(problem, secrets) }
        for (key, _) in overrides where !SettingKey.isKnown(key) {
            throw ConfigurationError(
                description: "--set: unknown key \(secrets.quoted(key))\(Self.suggestion(for: key))")
        }
        for variable in environment.keys.sorted() where variable.hasPrefix("DINGHY_") && !Self.isKnown(variable) {
            throw ConfigurationError(
                description: "environment variable \(secrets.quoted(variable)) stands for no setting")
        }
        if let fault = environment[FaultPoint.variable] {
            do throws(Fault.Malformed) { _ = try Fault(fault) } catch {
                let reason =
                    secrets.hides(fault)
                    ? secrets.quoted(fault) + " names no fault point"
                    : Secrets.shown("\(error)", maxCharacters: 500)
                throw ConfigurationError(description: "environment variable \(FaultPoint.variable): \(reason)")
            }
        }

        var settings = Settings()
        for key in SettingKey.all {
            guard let (value, source) = value(of: key.name, file) else { continue }
            do throws(SettingKey.Malformed) {
                try apply(value, key, &settings)
            } catch {
                let shown = error.value.map { secrets.quoted($0) + " " } ?? ""
                throw ConfigurationError(description: "\(source): \(key.name): \(shown)\(error.reason)")
            }
        }
        settings.kafkaProperties = try kafkaProperties(file, secrets)
        return settings
    }

    /// The value that counts, and where it comes from.
    private func value(of key: String, _ file: SettingsFile?) -> (value: SettingValue, source: String)? {
        if let (_, value) = overrides.last(where: { $0.key == key }) { return (.text(value), "command line") }
        let variable = SettingKey.variable(key)
        if let value = environment[variable] { return (.text(value), "environment variable \(variable)") }
        return file?.entries[key].map { ($0.value, place($0.line)) }
    }

    private func apply(
        _ value: SettingValue, _ key: SettingKey, _ settings: inout Settings
    ) throws(SettingKey.Malformed) {
        switch key.apply {
        case .list(let apply): try apply(value.items, &settings)
        case .scalar(let apply):
            guard case .text(let text) = value else {
                throw SettingKey.Malformed(reason: "is a list, where a single value is meant")
            }
            try apply(text, &settings)
        }
    }

    private func kafkaProperties(
        _ file: SettingsFile?, _ secrets: Secrets
    ) throws(ConfigurationError) -> [String: String] {
        var properties: [String: String] = [:]
        let own = (file?.entries ?? [:]).filter { $0.key.hasPrefix(SettingKey.kafkaProperties) }
        for (key, entry) in own.sorted(by: { $0.value.line < $1.value.line }) {
            guard case .text(let text) = entry.value else {
                throw ConfigurationError(
                    description: "\(place(entry.line)): \(Self.name(key, secrets)): is a list, where a single value is "
                        + "meant")
            }
            properties[String(key.dropFirst(SettingKey.kafkaProperties.count))] = text
        }
        for (key, value) in overrides where key.hasPrefix(SettingKey.kafkaProperties) {
            properties[String(key.dropFirst(SettingKey.kafkaProperties.count))] = value
        }
        return properties
    }

    // MARK: The file

    private static func read(_ path: String) throws(ConfigurationError) -> [UInt8] {
        do {
            let file = try SystemPackage.FileDescriptor.open(FilePath(path), .readOnly)
            return try file.closeAfter { try file.readSettings() }
        } catch {
            throw ConfigurationError(
                description: "\(path): cannot be read: give another file with --config, or create it")
        }
    }

    private func place(_ line: Int) -> String { "\(path ?? "") line \(line)" }

    private func error(_ problem: SettingsFile.Problem, _ secrets: Secrets) -> ConfigurationError {
        let name = problem.key.isEmpty ? "" : Self.name(problem.key, secrets) + ": "
        let what =
            problem.reason.map { name + $0 }
            ?? "unknown key \(secrets.quoted(problem.key))\(Self.suggestion(for: problem.key))"
        return ConfigurationError(description: "\(place(problem.line)): \(what)")
    }

    // MARK: Names

    /// Ours as it is; what others made up, in quotation marks.
    private static func name(_ key: String, _ secrets: Secrets) -> String {
        SettingKey.names.contains(key) || SettingKey.sections.contains(key) ? key : secrets.quoted(key)
    }

    /// Variables that are no settings.
    private static let otherVariables: Set<String> = ["DINGHY_WRITE_KEY", "DINGHY_URL", FaultPoint.variable]

    private static func isKnown(_ variable: String) -> Bool {
        SettingKey.names.contains { SettingKey.variable($0) == variable } || otherVariables.contains(variable)
            || variable.hasPrefix("DINGHY_TEST_")
    }

    /// The known key that shares the last word or the most letters, where one is close.
    private static func suggestion(for key: String) -> String {
        let word = key.split(separator: ".").last.map(String.init) ?? key
        let known = SettingKey.names.sorted()
        let near = known.first { $0.hasSuffix("." + word) || $0.hasPrefix(key) || $0.hasSuffix(key) }
        return near.map { "; did you mean '\($0)'?" } ?? "; known are \(known.joined(separator: ", "))"
    }
}

extension SystemPackage.FileDescriptor {
    /// One byte more than a file of settings may have, at most.
    fileprivate func readSettings() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count <= SettingsFile.maxBytes {
            let wanted = SettingsFile.maxBytes + 1 - bytes.count
            let part = try [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
                count = try read(into: UnsafeMutableRawBufferPointer(buffer))
            }
            if part.isEmpty { break }
            bytes += part
        }
        return bytes
    }
}
