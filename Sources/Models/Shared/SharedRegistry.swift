public import EventLog
import Foundation
public import Intent
public import Logging
import Synchronization

/// Numbered models on a log that all machines of a shop share, and which of them scores.
///
/// What this process knows is a fold over the log; files of models lie in a directory of this machine once they have
/// been read whole. A change is made in three steps: become the writer, read to the end, append. Whoever becomes the
/// writer later fences the append or has read it, so that two changes never cross.
public final class SharedRegistry: ModelStore {
    public var place: String { log.name }
    private let log: any ModelLog
    private let cache: ModelCache
    private let backoff: Duration
    private let logger: Logger
    private let shelf = Mutex(ModelShelf(maxHeldBytes: 2 * IntentModel.maxFileBytes))
    /// The change under way, after which the next one of this process begins.
    private let lastTurn = Mutex<Task<Void, Never>?>(nil)

    /// A change meets rivals, or an answer that was lost, a few times at most.
    private static let maxAttempts = 12
    /// What goes into one transaction: it must end in its time on a slow line too.
    private static let chunksPerAppend = 8
    private static let recordsPerRead = 64

    /// - Parameters:
    ///   - cache: a directory for files that were read; made where there is none.
    ///   - backoff: how long a change that met another waits at most before its second attempt; its third twice as long,
    ///     and so on.
    public init(log: any ModelLog, cache: String, backoff: Duration = .milliseconds(300), logger: Logger) {
        self.log = log
        self.cache = ModelCache(directory: cache)
        self.backoff = backoff
        self.logger = logger
    }

    // MARK: Reading

    public func refresh() async throws {
        let reader = try await reader()
        while try await read(reader, wait: .zero) {}
    }

    /// Keeps what this process knows up to date until the task is cancelled.
    public func follow() async {
        var complaint: String?
        while !Task.isCancelled {
            do {
                let reader = try await reader()
                complaint = nil
                while !Task.isCancelled { _ = try await read(reader, wait: .seconds(1)) }
            } catch {
                if complaint != "\(error)" { logger.error("\(place) cannot be followed: \(error)") }
                complaint = "\(error)"
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func reader() async throws(EventLogError) -> any EventReader {
        try await log.reader(from: shelf.withLock { $0.next })
    }

    /// Folds what comes next; false where nothing came.
    private func read(_ reader: any EventReader, wait: Duration) async throws -> Bool {
        let records = try await reader.next(limit: Self.recordsPerRead, wait: wait)
        try shelf.withLock { shelf throws(RegistryError) in
            for record in records {
                try shelf.fold(record) { manifest, file throws(RegistryError) in
                    try cache.keep(manifest.file, file)
                }
            }
        }
        return !records.isEmpty
    }

    public func list(unreadable: (RegistryError) -> Void) -> [ModelEntry] {
        let (entries, faults) = shelf.withLock { shelf in
            (
                shelf.manifests.values.map(\.card).sorted { $0.number < $1.number },
                shelf.incomplete.sorted { $0.key < $1.key }.map { number, waiting in
                    RegistryError.unreadable(file: "\(place) model \(number)", reason: "it \(waiting.fault)")
                }
                    + shelf.unreadable.map {
                        RegistryError.unreadable(file: "\(place) offset \($0.offset)", reason: $0.reason)
                    }
            )
        }
        faults.forEach(unreadable)
        return entries
    }

    public func numbers() -> [Int] { shelf.withLock { $0.manifests.keys.sorted() } }

    public func entry(_ number: Int) throws(RegistryError) -> ModelEntry { try manifest(number).card }

    public func load(_ number: Int) throws(RegistryError) -> IntentModel {
        try cache.load(try manifest(number).file)
    }

    private func manifest(_ number: Int) throws(RegistryError) -> ModelManifest {
        let (manifest, fault) = shelf.withLock { ($0.manifests[number], $0.incomplete[number]?.fault) }
        if let manifest { return manifest }
        if let fault { throw .unreadable(file: "\(place) model \(number)", reason: "it \(fault)") }
        throw .unknown(number, directory: place)
    }

    public func championNumber() -> Int? { shelf.withLock { $0.champion } }

    public func history() -> [ModelChange] { shelf.withLock { $0.history } }

    // MARK: Changes

    public func add(
        _ model: IntentModel, origin: ModelEntry.Origin, report: Report?, verdict: Verdict?, time: Int64,
        holding lease: (any RetrainLease)?
    ) async throws -> ModelEntry {
        let file = model.serialized()
        return try await change(lease) { [self] attempted in
            // A manifest whose answer was lost is recognised by its file, to the millisecond.
            if let attempted, let card = try? entry(attempted), card.created == time,
                shelf.withLock({ $0.manifests[attempted]?.file == ModelFileID(model: attempted, file: file) })
            {
                return .done(card)
            }
            let number = shelf.withLock { $0.lastNumber } + 1
            let card = ModelEntry(
                number: number, created: time, origin: origin, bytes: file.count, model: model, report: report,
                verdict: verdict)
            let chunks = ModelChunk.cut(file, model: number)
            var records = chunks.map(\.record)
            records.append(ModelManifest(file: chunks[0].file, card: card).record)
            return .write(records, mark: number, result: card) { self.numbers().contains(number) }
        }
    }

    public func promote(_ number: Int, by actor: ModelChange.Actor, reason: String, time: Int64) async throws {
        _ = try await changeChampion(nil) { current, _ in
            number == current ? nil : ModelChange(time: time, from: current, to: number, by: actor, reason: reason)
        }
    }

    public func promote(
        _ number: Int, over rival: Int?, by actor: ModelChange.Actor, reason: String, time: Int64,
        holding lease: (any RetrainLease)?
    ) async throws -> Bool {
        let change = try await changeChampion(lease) { current, _ in
            current == rival ? ModelChange(time: time, from: rival, to: number, by: actor, reason: reason) : nil
        }
        return change != nil
    }

    public func rollback(reason: String, time: Int64) async throws -> Int {
        let change = try await changeChampion(nil) { current, history throws(RegistryError) in
            guard let current, let previous = history.champion(before: current) else { throw .nothingToRollBackTo }
            return ModelChange(time: time, from: current, to: previous, by: .rollback, reason: reason)
        }
        guard let change else { preconditionFailure("SharedRegistry.rollback: no change") }
        return change.to
    }

    public func claimRetraining() async throws -> (any RetrainLease)? { try await log.claimRetraining() }

    /// - Parameter decide: the change, from the champion and the history as they are; `nil` for none.
    private func changeChampion(
        _ lease: (any RetrainLease)?,
        _ decide: @escaping @Sendable (Int?, [ModelChange]) throws(RegistryError) -> ModelChange?
    ) async throws -> ModelChange? {
        let attempt = Mutex<ModelChange?>(nil)
        return try await change(lease) { [self] attempted in
            if let attempted, let change = attempt.withLock({ $0 }),
                shelf.withLock({ $0.change(attempted) == change })
            {
                return .done(change)
            }
            let (current, history, last) = shelf.withLock { ($0.champion, $0.history, $0.lastChange) }
            guard let change = try decide(current, history) else { return .done(nil) }
            _ = try load(change.to)
            attempt.withLock { $0 = change }
            let numbered = NumberedChange(number: last + 1, change: change)
            return .write(numbered.records, mark: last + 1, result: change) {
                self.shelf.withLock { $0.lastChange > last }
            }
        }
    }

    private enum Step<Result: Sendable>: Sendable {
        case done(Result)
        /// - Parameters:
        ///   - mark: by which the next attempt finds out whether these records were written after all.
        ///   - isSeen: whether they have been read.
        case write([KeyedRecord], mark: Int, result: Result, isSeen: @Sendable () -> Bool)
    }

    /// Makes one change as the only writer, after whatever was written before. Begun, it is not cancelled.
    ///
    /// - Parameter decide: what is to be written, from what was read to the end; given the mark of the attempt before,
    ///   whose outcome is then known.
    private func change<Result: Sendable>(
        _ lease: (any RetrainLease)?, _ decide: @escaping @Sendable (_ attempted: Int?) throws -> Step<Result>
    ) async throws -> Result {
        let turn = lastTurn.withLock { last in
            let turn = Task { [last] in
                await last?.value
                return try await attempts(lease, decide)
            }
            last = Task { _ = await turn.result }
            return turn
        }
        return try await turn.value
    }

    private func attempts<Result: Sendable>(
        _ lease: (any RetrainLease)?, _ decide: @Sendable (_ attempted: Int?) throws -> Step<Result>
    ) async throws -> Result {
        var attempted: Int?
        for attempt in 1... {
            if let lease, !(await lease.settled()) { throw RegistryError.leaseLost }
            let writer = try await log.writer()
            do {
                let reader = try await reader()
                while try await read(reader, wait: .zero) {}
                switch try decide(attempted) {
                case .done(let result):
                    await writer.close()
                    return result
                case .write(let records, let mark, let result, let isSeen):
                    attempted = mark
                    try await append(records, writer, lease)
                    await writer.close()
                    // Whoever reads after this call has returned sees the change.
                    for _ in 0..<10 where !isSeen() { _ = try await read(reader, wait: .seconds(1)) }
                    return result
                }
            } catch let error as EventLogError {
                await writer.close()
                if let lease, !lease.isHeld { throw RegistryError.leaseLost }
                guard attempt < Self.maxAttempts, error.mayPass else { throw error }
                logger.info("a change of \(place) is tried again: \(error)")
                // Rivals that keep fencing each other fall out of step.
                try await Task.sleep(for: backoff * attempt * Double.random(in: 0.2...1))
            } catch {
                await writer.close()
                throw error
            }
        }
        preconditionFailure("SharedRegistry.attempts: no end")
    }

    private func append(
        _ records: [KeyedRecord], _ writer: any ModelLogWriter, _ lease: (any RetrainLease)?
    ) async throws(EventLogError) {
        for start in stride(from: 0, to: records.count, by: Self.chunksPerAppend) {
            let end = min(records.count, start + Self.chunksPerAppend)
            try await writer.append(Array(records[start..<end]), holding: lease)
        }
    }
}

extension EventLogError {
    /// Whether a new writer that reads again may do better.
    fileprivate var mayPass: Bool {
        switch self {
        case .fenced, .mustRejoin, .partitionsLost, .failed, .overloaded: true
        case .closed, .replayGap, .tooLarge, .unusable, .stopped: false
        }
    }
}
