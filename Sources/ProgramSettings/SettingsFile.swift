import Yams

/// A setting's value before it is known to be one.
enum SettingValue: Equatable {
    case text(String)
    case list([String])

    /// A list may be written as one text with commas.
    var items: [String] {
        switch self {
        case .text(let text): text.split(separator: ",").map { String($0.trimmed) }
        case .list(let items): items.flatMap { SettingValue.text($0).items }
        }
    }
}

/// A YAML file's settings by their dotted keys, with the lines on which they stand.
///
/// Bounded in bytes, in shape (`YAMLShape`) and in what aliases expand to. Of a file that is no YAML nothing is repeated: its secrets
/// are not known.
struct SettingsFile {
    struct Entry {
        var line: Int
        var value: SettingValue
    }

    /// What is wrong with a key, whose name only `secrets` may show.
    struct Problem {
        var line: Int
        var key: String
        /// `nil`: the key is unknown.
        var reason: String?
    }

    private(set) var entries: [String: Entry] = [:]
    private(set) var secrets = Secrets()
    /// The first one.
    private(set) var problem: Problem?
    private let path: String
    private var left = Self.maxNodes

    static let maxBytes = 32 << 10
    /// Keys and values, those that are reached over aliases counted again.
    private static let maxNodes = 10_000

    init(path: String, bytes: [UInt8]) throws(ConfigurationError) {
        self.path = path
        guard bytes.count <= Self.maxBytes else {
            throw whole("has more than \(Self.maxBytes) bytes: settings need a small part of that")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw whole("is no UTF-8 text: save it as one")
        }
        if let excess = YAMLShape(bytes).excess { throw whole(excess) }
        guard let root = try compose(text), !Self.isEmpty(root) else { return }
        guard case .mapping(let mapping) = root else { throw whole("holds no keys at its top") }
        try collect(mapping, below: "")
    }

    private func compose(_ text: String) throws(ConfigurationError) -> Node? {
        do {
            return try Yams.compose(yaml: text, .basic, .default, .utf8)
        } catch let error as YamlError {
            switch error {
            case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
                .composer(_, let problem, let mark, _):
                // What ends too early is missed behind the last line.
                let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).count
                let last = max(1, text.last?.isNewline == true ? lines - 1 : lines)
                throw at(min(mark.line, last), "is no YAML of one document: \(problem)")
            case .reader(let problem, let offset, _, _):
                let line = 1 + text.prefix(offset ?? 0).count { $0.isNewline }
                throw at(line, "is no YAML: \(problem)")
            case .duplicatedKeysInMapping(let keys, let context):
                // Only what is a word of ours: anything else might be a secret.
                let words = SettingKey.names.union(
                    SettingKey.names.flatMap { $0.split(separator: ".").map(String.init) })
                throw at(context.mark.line, "\(keys.first { words.contains($0) } ?? "a key") stands twice")
            case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
                throw whole("cannot be read as YAML")
            }
        } catch {
            throw whole("cannot be read as YAML")
        }
    }

    /// Goes on behind a problem: a message may not show a secret that stands further down.
    private mutating func collect(_ mapping: Node.Mapping, below prefix: String) throws(ConfigurationError) {
        for (key, value) in mapping {
            let line = key.mark?.line ?? 0
            try spend(1, line)
            guard let name = key.scalar?.string else {
                note(Problem(line: line, key: prefix, reason: "holds a key that is no text"))
                continue
            }
            let dotted = prefix.isEmpty ? name : prefix + "." + name
            let isSection = SettingKey.sections.contains(dotted)
            if case .mapping(let section) = value, isSection || dotted.hasPrefix(SettingKey.kafkaProperties) {
                try collect(section, below: dotted)
                continue
            }
            if SettingKey.isSecret(dotted) { try keepSecret(value, line) }
            if Self.isEmpty(value), isSection || SettingKey.isKnown(dotted) {
                // A section with nothing in it, or a key left at its default.
            } else if name == "<<" {
                note(Problem(line: line, key: dotted, reason: "merge keys are not read, write the keys out"))
            } else if !SettingKey.isKnown(dotted) {
                note(Problem(line: line, key: Self.leaf(dotted, value), reason: nil))
            } else if entries[dotted] != nil {
                note(Problem(line: line, key: dotted, reason: "stands twice"))
            } else {
                try read(value, dotted, line)
            }
        }
    }

    private mutating func read(_ node: Node, _ key: String, _ line: Int) throws(ConfigurationError) {
        switch node {
        case .scalar(let scalar): entries[key] = Entry(line: line, value: .text(scalar.string))
        case .sequence(let sequence):
            try spend(sequence.count, line)
            let items = sequence.compactMap { $0.scalar?.string }
            if items.count < sequence.count {
                note(Problem(line: line, key: key, reason: "holds something that is no text"))
            }
            entries[key] = Entry(line: line, value: .list(items))
        case .mapping, .alias: note(Problem(line: line, key: key, reason: "is no value, but a section"))
        }
    }

    /// All texts below a secret key, whatever shape they are in.
    private mutating func keepSecret(_ node: Node, _ line: Int) throws(ConfigurationError) {
        try spend(1, line)
        switch node {
        case .scalar(let scalar): secrets.insert(.text(scalar.string))
        case .sequence(let sequence): for item in sequence { try keepSecret(item, line) }
        case .mapping(let mapping):
            for (key, value) in mapping {
                try keepSecret(key, line)
                try keepSecret(value, line)
            }
        case .alias: break
        }
    }

    private mutating func note(_ found: Problem) { problem = problem ?? found }

    private mutating func spend(_ count: Int, _ line: Int) throws(ConfigurationError) {
        left -= count
        if left < 0 { throw at(line, "more than \(Self.maxNodes) keys and values, aliases followed") }
    }

    /// The first key below an unknown one that has a value: what was meant shows in its last word.
    private static func leaf(_ dotted: String, _ value: Node) -> String {
        var (dotted, value) = (dotted, value)
        while case .mapping(let mapping) = value, let first = mapping.first, let name = first.key.scalar?.string,
            dotted.utf8.count < 256
        {
            dotted += "." + name
            value = first.value
        }
        return dotted
    }

    /// Nothing, or the null that is written out.
    private static func isEmpty(_ node: Node) -> Bool {
        guard case .scalar(let scalar) = node, scalar.style == .plain else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    private func whole(_ problem: String) -> ConfigurationError {
        ConfigurationError(description: "\(path): \(problem)")
    }

    private func at(_ line: Int, _ problem: String) -> ConfigurationError {
        ConfigurationError(description: "\(path) line \(line): \(problem)")
    }
}

extension StringProtocol {
    fileprivate var trimmed: SubSequence {
        let start = firstIndex { !$0.isWhitespace } ?? endIndex
        let end = lastIndex { !$0.isWhitespace }.map { index(after: $0) } ?? start
        return self[start..<end]
    }
}
