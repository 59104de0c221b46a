import FoundationEssentials
public import Intent

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Numbered models in a directory, and which of them scores.
///
///     000017.model      the model, written once, never changed
///     000017.json       where it came from and what it is worth
///     champion          the number of the model that scores
///     history           one line of JSON for every change of the champion
///
/// Every file is complete or absent: written beside its place, synced, then linked or renamed into it. Any process may
/// read at any time; two that write at the same time get different numbers.
public struct ModelRegistry: Sendable {
    public let directory: String

    public init(directory: String) {
        self.directory = directory
    }

    /// The kept models, the oldest first.
    public func list() throws(RegistryError) -> [ModelEntry] {
        var entries: [ModelEntry] = []
        for number in try numbers() { entries.append(try entry(number)) }
        return entries
    }

    /// The numbers of the kept models, rising.
    public func numbers() throws(RegistryError) -> [Int] {
        guard FileManager.default.fileExists(atPath: directory) else { return [] }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory).compactMap(Self.number).sorted()
        } catch {
            throw .unreadable(file: directory, reason: "\(error)")
        }
    }

    /// What is known of a model.
    public func entry(_ number: Int) throws(RegistryError) -> ModelEntry {
        let path = path(number, "json")
        guard FileManager.default.fileExists(atPath: path) else { throw .unknown(number, directory: directory) }
        do { return try JSONDecoder().decode(ModelEntry.self, from: try Data(contentsOf: URL(filePath: path))) } catch {
            throw .unreadable(file: path, reason: "\(error)")
        }
    }

    public func load(_ number: Int) throws(RegistryError) -> IntentModel {
        let path = path(number, "model")
        guard FileManager.default.fileExists(atPath: path) else { throw .unknown(number, directory: directory) }
        return try Self.load(path)
    }

    /// Reads a model file anywhere.
    public static func load(_ path: String) throws(RegistryError) -> IntentModel {
        let data: Data
        do { data = try Data(contentsOf: URL(filePath: path)) } catch {
            throw .unreadable(file: path, reason: "\(error)")
        }
        do { return try IntentModel(deserializing: [UInt8](data)) } catch { throw .damaged(file: path, error) }
    }

    /// The number of the model that scores; `nil` where none was ever promoted.
    public func championNumber() throws(RegistryError) -> Int? {
        let path = directory + "/champion"
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { return nil }
        let text = String(decoding: data, as: UTF8.self).filter { !$0.isWhitespace }
        guard let number = Int(text) else {
            throw .unreadable(file: path, reason: "'\(text.prefix(32))' is no model's number")
        }
        return number
    }

    /// The champion where it is not `current`, else `nil`.
    public func championIfChanged(from current: Int?) throws(RegistryError) -> (number: Int, model: IntentModel)? {
        guard let number = try championNumber(), number != current else { return nil }
        return (number, try load(number))
    }

    /// Keeps a model under the next free number.
    ///
    /// - Parameter time: now, milliseconds since the epoch.
    @discardableResult
    public func add(
        _ model: IntentModel, origin: ModelEntry.Origin, report: Report? = nil, verdict: Verdict? = nil, time: Int64
    ) throws(RegistryError) -> ModelEntry {
        do { try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true) } catch {
            throw .unwritable(file: directory, reason: "\(error)")
        }
        let bytes = model.serialized()
        var number = (try numbers().last ?? 0) + 1
        // Another process may take the number first: then the next one is ours.
        while try !write(bytes, to: path(number, "model"), replacing: false) { number += 1 }
        let entry = ModelEntry(
            number: number, created: time, origin: origin, bytes: bytes.count, hiddenSize: model.hiddenSize,
            metadata: model.metadata, report: report, verdict: verdict)
        try write(json(entry, pretty: true), to: path(number, "json"), replacing: true)
        return entry
    }

    /// Makes a model the champion. It is loaded first: what cannot score is not promoted.
    public func promote(_ number: Int, by actor: ModelChange.Actor, reason: String, time: Int64) throws(RegistryError) {
        _ = try load(number)
        let from = try championNumber()
        try write(Array("\(number)\n".utf8), to: directory + "/champion", replacing: true)
        try note(ModelChange(time: time, from: from, to: number, by: actor, reason: reason))
    }

    /// Makes the champion before the present one champion again, and gives its number. Rolling back twice goes back
    /// two.
    @discardableResult
    public func rollback(reason: String, time: Int64) throws(RegistryError) -> Int {
        guard let champion = try championNumber() else { throw .nothingToRollBackTo }
        // Promotions not undone yet, as a stack.
        var stack: [Int] = []
        for change in try history() {
            if change.by == .rollback { _ = stack.popLast() } else { stack.append(change.to) }
        }
        if stack.last == champion { stack.removeLast() }
        guard let previous = stack.last else { throw .nothingToRollBackTo }
        try promote(previous, by: .rollback, reason: reason, time: time)
        return previous
    }

    /// Every change of the champion, the oldest first.
    public func history() throws(RegistryError) -> [ModelChange] {
        let path = directory + "/history"
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { return [] }
        var changes: [ModelChange] = []
        for (index, line) in data.split(separator: UInt8(ascii: "\n")).enumerated() {
            do { changes.append(try JSONDecoder().decode(ModelChange.self, from: Data(line))) } catch {
                throw .unreadable(file: path, reason: "line \(index + 1): \(error)")
            }
        }
        return changes
    }

    // MARK: Files

    private func path(_ number: Int, _ suffix: String) -> String {
        let digits = String(number)
        return directory + "/" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits + "." + suffix
    }

    private static func number(_ file: String) -> Int? {
        guard file.hasSuffix(".json"), file.count >= 11 else { return nil }
        return Int(file.dropLast(5))
    }

    private func json(_ value: some Encodable, pretty: Bool) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = pretty ? [.sortedKeys, .prettyPrinted] : .sortedKeys
        do { return [UInt8](try encoder.encode(value)) + [UInt8(ascii: "\n")] } catch {
            preconditionFailure("ModelRegistry.json: \(error)")
        }
    }

    private func note(_ change: ModelChange) throws(RegistryError) {
        let path = directory + "/history"
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .unwritable(file: path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        let line = json(change, pretty: false)
        guard Glibc.write(descriptor, line, line.count) == line.count, fsync(descriptor) == 0 else {
            throw .unwritable(file: path, reason: String(cString: strerror(errno)))
        }
    }

    /// Returns false where the file exists and may not be replaced.
    @discardableResult
    private func write(_ bytes: [UInt8], to path: String, replacing: Bool) throws(RegistryError) -> Bool {
        func failure() -> RegistryError { .unwritable(file: path, reason: String(cString: strerror(errno))) }
        let temporary = path + ".\(UUID().uuidString).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure() }
        defer { unlink(temporary) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else {
                let error = failure()
                close(descriptor)
                throw error
            }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0, close(descriptor) == 0 else { throw failure() }
        if replacing {
            guard rename(temporary, path) == 0 else { throw failure() }
        } else if link(temporary, path) != 0 {
            if errno == EEXIST { return false }
            throw failure()
        }
        let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw failure() }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw failure() }
        return true
    }
}
