public import EventLog
public import Intent
import Synchronization

/// Numbered models, and which of them scores: in a directory of one machine (`ModelRegistry`), or on a log that many
/// share (`SharedRegistry`). The promises are the same.
///
/// 1. A number is given once, and numbers rise. A model never changes.
/// 2. A model is there whole or not at all.
/// 3. Changes go one at a time, whatever the number of processes, and are durable when the call returns.
/// 4. The history records every change of the champion.
///
/// What is read is as new as the last `refresh`.
public protocol ModelStore: Sendable {
    /// Where the models are, in words.
    var place: String { get }

    /// Brings what this process knows up to the present.
    func refresh() async throws

    /// The kept models, the oldest first.
    ///
    /// - Parameter unreadable: told of each that cannot be read; the others are listed all the same.
    func list(unreadable: (RegistryError) -> Void) throws(RegistryError) -> [ModelEntry]
    /// The numbers of the kept models, rising.
    func numbers() throws(RegistryError) -> [Int]
    /// What is known of a model.
    func entry(_ number: Int) throws(RegistryError) -> ModelEntry
    /// Reads a model and checks it.
    func load(_ number: Int) throws(RegistryError) -> IntentModel
    /// The number of the model that scores; `nil` where none was ever promoted.
    func championNumber() throws(RegistryError) -> Int?
    /// Every change of the champion, the oldest first.
    func history() throws(RegistryError) -> [ModelChange]

    /// Keeps a model under the next free number.
    ///
    /// - Parameters:
    ///   - time: now, milliseconds since the epoch.
    ///   - lease: kept only while it is held, where one is given; `RegistryError.leaseLost` is thrown otherwise.
    func add(
        _ model: IntentModel, origin: ModelEntry.Origin, report: Report?, verdict: Verdict?, time: Int64,
        holding lease: (any RetrainLease)?
    ) async throws -> ModelEntry

    /// Makes a model the champion. It is loaded first: what cannot score is not promoted. The champion itself stays
    /// what it is, and nothing is recorded.
    func promote(_ number: Int, by actor: ModelChange.Actor, reason: String, time: Int64) async throws

    /// Makes a model the champion in the place of the one that it was judged against, `nil` for none. Returns false and
    /// changes nothing where another has become champion since.
    func promote(
        _ number: Int, over rival: Int?, by actor: ModelChange.Actor, reason: String, time: Int64,
        holding lease: (any RetrainLease)?
    ) async throws -> Bool

    /// Makes the champion before the present one champion again, and gives its number. Rolling back twice goes back
    /// two.
    @discardableResult
    func rollback(reason: String, time: Int64) async throws -> Int

    /// The right to retrain; `nil` where another process has it.
    func claimRetraining() async throws -> (any RetrainLease)?
}

extension ModelStore {
    /// The champion where it is not `current`, else `nil`.
    public func championIfChanged(
        from current: Int?
    ) throws(RegistryError) -> (number: Int, model: IntentModel)? {
        guard let number = try championNumber(), number != current else { return nil }
        return (number, try load(number))
    }
}

extension ModelRegistry: ModelStore {
    public var place: String { directory }

    /// Files are read when they are asked for.
    public func refresh() {}

    public func list(unreadable: (RegistryError) -> Void) throws(RegistryError) -> [ModelEntry] {
        var entries: [ModelEntry] = []
        for number in try numbers() {
            do throws(RegistryError) { entries.append(try entry(number)) } catch { unreadable(error) }
        }
        return entries
    }

    public func add(
        _ model: IntentModel, origin: ModelEntry.Origin, report: Report?, verdict: Verdict?, time: Int64,
        holding lease: (any RetrainLease)?
    ) throws(RegistryError) -> ModelEntry {
        guard lease?.isHeld ?? true else { throw .leaseLost }
        return try add(model, origin: origin, report: report, verdict: verdict, time: time)
    }

    public func promote(
        _ number: Int, over rival: Int?, by actor: ModelChange.Actor, reason: String, time: Int64,
        holding lease: (any RetrainLease)?
    ) throws(RegistryError) -> Bool {
        guard lease?.isHeld ?? true else { throw .leaseLost }
        return try promote(number, over: rival, by: actor, reason: reason, time: time)
    }

    public func claimRetraining() throws(RegistryError) -> (any RetrainLease)? {
        try tryLock("retrain.lock").map { LocalLease(lock: $0) }
    }
}

/// A lock on a file: nobody can take it from the process that has it.
private final class LocalLease: RetrainLease {
    private let lock: Mutex<FileLock?>

    init(lock: FileLock) { self.lock = Mutex(lock) }

    var isHeld: Bool { lock.withLock { $0 != nil } }

    func release() { lock.withLock { $0 = nil } }
}
