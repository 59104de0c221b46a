import EventLog
import FoundationEssentials
public import Intent

/// Numbered models in a directory, and which of them scores.
///
///     000017.model      the model, written once, never changed
///     000017.json       where it came from and what it is worth
///     champion          the number of the model that scores
///     history           one line of JSON for every change of the champion
///
/// 1. Every file is complete or absent: written beside its place, synced, then linked or renamed into it. A model's
///    last file is its JSON: a number without one is not in use.
/// 2. Changes go one at a time, whatever the number of processes (`lock`), and are on the disk when the call returns.
/// 3. Any process may read at any time, without a lock.
/// 4. The pointer decides what the champion is; the history is written before it, so that no change goes unrecorded.
public struct ModelRegistry: Sendable {
    public let directory: String

    /// A card is some kilobytes, a line of the history a hundred bytes.
    private static let maxCardBytes = 4 << 20
    private static let maxHistoryBytes = 64 << 20

    public init(directory: String) {
        self.directory = directory
    }

    /// The numbers of the kept models, rising.
    public func numbers() throws(RegistryError) -> [Int] { try numbers(of: ".json") }

    /// What is known of a model.
    public func entry(_ number: Int) throws(RegistryError) -> ModelEntry {
        let path = path(number, ".json")
        guard let bytes = try Files.contents(of: path, maxBytes: Self.maxCardBytes) else {
            throw .unknown(number, directory: directory)
        }
        do { return try JSONDecoder().decode(ModelEntry.self, from: Data(bytes)) } catch {
            throw .unreadable(file: path, reason: "\(error)")
        }
    }

    /// Reads a model and checks it.
    public func load(_ number: Int) throws(RegistryError) -> IntentModel {
        guard let model = try Self.read(path(number, ".model")) else { throw .unknown(number, directory: directory) }
        return model
    }

    /// Reads a model file anywhere and checks it.
    public static func load(_ path: String) throws(RegistryError) -> IntentModel {
        guard let model = try read(path) else { throw .unreadable(file: path, reason: "there is no such file") }
        return model
    }

    private static func read(_ path: String) throws(RegistryError) -> IntentModel? {
        guard let bytes = try Files.contents(of: path, maxBytes: IntentModel.maxFileBytes) else { return nil }
        do { return try IntentModel(deserializing: bytes) } catch { throw .damaged(file: path, error) }
    }

    /// The number of the model that scores; `nil` where none was ever promoted.
    public func championNumber() throws(RegistryError) -> Int? {
        guard let bytes = try Files.contents(of: championPath, maxBytes: 64) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        guard let number = Int(text) else {
            throw .unreadable(
                file: championPath,
                reason: "'\(text)' is no model's number; set it with `dinghy models promote NUMBER`")
        }
        return number
    }

    /// Keeps a model under the next free number.
    ///
    /// - Parameter time: now, milliseconds since the epoch.
    @discardableResult
    public func add(
        _ model: IntentModel, origin: ModelEntry.Origin, report: Report? = nil, verdict: Verdict? = nil, time: Int64
    ) throws(RegistryError) -> ModelEntry {
        let lock = try lock()
        defer { withExtendedLifetime(lock) {} }
        let bytes = model.serialized()
        // A model without JSON is one whose adding a crash cut short: its number is spent.
        let number = max(try numbers().last ?? 0, try numbers(of: ".model").last ?? 0) + 1
        try Files.create(path(number, ".model"), bytes)
        FaultPoint.modelAdd.pass()
        let entry = ModelEntry(
            number: number, created: time, origin: origin, bytes: bytes.count, model: model, report: report,
            verdict: verdict)
        try Files.create(path(number, ".json"), Self.json(entry, .prettyPrinted) + [UInt8(ascii: "\n")])
        return entry
    }

    /// Makes a model the champion. It is loaded first: what cannot score is not promoted. The champion itself stays
    /// what it is, and nothing is recorded.
    public func promote(_ number: Int, by actor: ModelChange.Actor, reason: String, time: Int64) throws(RegistryError) {
        let lock = try lock()
        defer { withExtendedLifetime(lock) {} }
        let current: Int?
        do throws(RegistryError) { current = try championNumber() } catch {
            // A pointer that says nothing is what a promotion repairs.
            guard case .unreadable = error else { throw error }
            current = nil
        }
        guard number != current else { return }
        try change(ModelChange(time: time, from: current, to: number, by: actor, reason: reason))
    }

    /// Makes a model the champion in the place of the one that it was judged against, `nil` for none. Returns false and
    /// changes nothing where another has become champion since.
    public func promote(
        _ number: Int, over rival: Int?, by actor: ModelChange.Actor, reason: String, time: Int64
    ) throws(RegistryError) -> Bool {
        let lock = try lock()
        defer { withExtendedLifetime(lock) {} }
        guard try championNumber() == rival else { return false }
        try change(ModelChange(time: time, from: rival, to: number, by: actor, reason: reason))
        return true
    }

    /// Makes the champion before the present one champion again, and gives its number. Rolling back twice goes back
    /// two.
    @discardableResult
    public func rollback(reason: String, time: Int64) throws(RegistryError) -> Int {
        let lock = try lock()
        defer { withExtendedLifetime(lock) {} }
        guard let champion = try championNumber(), let previous = try history().champion(before: champion) else {
            throw .nothingToRollBackTo
        }
        try change(ModelChange(time: time, from: champion, to: previous, by: .rollback, reason: reason))
        return previous
    }

    /// The lock must be held.
    private func change(_ change: ModelChange) throws(RegistryError) {
        _ = try load(change.to)
        try Files.append(line: Self.json(change), to: historyPath)
        FaultPoint.modelPromote.pass()
        try Files.replace(championPath, Array("\(change.to)\n".utf8))
    }

    /// Every change of the champion, the oldest first.
    public func history() throws(RegistryError) -> [ModelChange] {
        guard let bytes = try Files.contents(of: historyPath, maxBytes: Self.maxHistoryBytes) else { return [] }
        // A last line without an end is one that a crash left half written: the change did not happen.
        guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        var changes: [ModelChange] = []
        for (index, line) in bytes[..<end].split(separator: UInt8(ascii: "\n")).enumerated() {
            do { changes.append(try JSONDecoder().decode(ModelChange.self, from: Data(line))) } catch {
                throw .unreadable(file: historyPath, reason: "line \(index + 1): \(error)")
            }
        }
        return changes
    }
}

// Names and locks.
extension ModelRegistry {
    private var championPath: String { directory + "/champion" }
    private var historyPath: String { directory + "/history" }

    private func path(_ number: Int, _ suffix: String) -> String { directory + "/" + Self.name(number, suffix) }

    /// Six digits, or more where the number has more.
    private static func name(_ number: Int, _ suffix: String) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 6 - digits.count)) + digits + suffix
    }

    private func numbers(of suffix: String) throws(RegistryError) -> [Int] {
        try Files.names(in: directory).compactMap { file in
            guard file.hasSuffix(suffix), let number = Int(file.dropLast(suffix.count)) else { return nil }
            return Self.name(number, suffix) == file ? number : nil
        }.sorted()
    }

    private func lock() throws(RegistryError) -> FileLock {
        try Files.makeDirectory(directory)
        return try FileLock.take(directory + "/lock")
    }

    /// A lock of somebody else's in the registry's directory; `nil` where it is held.
    package func tryLock(_ name: String) throws(RegistryError) -> FileLock? {
        try Files.makeDirectory(directory)
        return try FileLock.tryTake(directory + "/" + name)
    }

    private static func json(_ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting = []) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, formatting]
        do { return [UInt8](try encoder.encode(value)) } catch {
            preconditionFailure("ModelRegistry.json: \(error)")
        }
    }
}
