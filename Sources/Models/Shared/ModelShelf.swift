package import EventLog

/// What the records of a model log say when they are read in their order: models, champion, history. Pure.
///
/// 1. Compaction changes nothing: the latest manifest of a number counts, and no fold depends on a replaced record.
/// 2. A manifest whose file is not whole shows no model; its number is spent, and the reason is kept.
/// 3. A record that cannot be read is passed over, and named.
package struct ModelShelf: Sendable {
    /// Where reading goes on.
    package private(set) var next: Int64 = 0
    /// Models whose files are whole.
    package private(set) var manifests: [Int: ModelManifest] = [:]
    /// Manifests without a whole file, and why.
    package private(set) var incomplete: [Int: (manifest: ModelManifest, fault: ModelAssembly.Fault)] = [:]
    /// The records that could not be read: the latest, by offset.
    package private(set) var unreadable: [(offset: Int64, reason: String)] = []
    private var changes: [Int: ModelChange] = [:]
    private var assembly: ModelAssembly

    private static let maxUnreadable = 20

    package init(maxHeldBytes: Int) { assembly = ModelAssembly(maxHeldBytes: maxHeldBytes) }

    /// Folds one record. Records before `next` were folded before and change nothing.
    ///
    /// - Parameter keep: puts a file that has become whole where `load` finds it. Where it throws, the record counts
    ///   as not folded.
    package mutating func fold<Failure: Error>(
        _ record: StoredRecord, keep: (ModelManifest, [UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        guard record.offset >= next else { return }
        // A record without content only removes its key.
        if !record.value.isEmpty, let content = read(record) { try fold(content, keep) }
        next = record.offset + 1
    }

    private mutating func read(_ record: StoredRecord) -> ModelRecord? {
        do { return try ModelRecord(record.value) } catch {
            unreadable = unreadable.suffix(Self.maxUnreadable - 1) + [(record.offset, error.reason)]
            return nil
        }
    }

    private mutating func fold<Failure: Error>(
        _ content: ModelRecord, _ keep: (ModelManifest, [UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        switch content {
        case .chunk(let chunk):
            guard manifests[chunk.file.model]?.file != chunk.file else { return }
            assembly.take(chunk)
            if let waiting = incomplete[chunk.file.model]?.manifest, waiting.file == chunk.file {
                try settle(waiting, keep)
            }
        case .manifest(let manifest):
            try settle(manifest, keep)
        case .change(let change):
            changes[change.number] = change.change
        }
    }

    private mutating func settle<Failure: Error>(
        _ manifest: ModelManifest, _ keep: (ModelManifest, [UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        let number = manifest.file.model
        guard manifests[number]?.file != manifest.file else { return }
        let file: [UInt8]
        do { file = try assembly.file(manifest.file) } catch {
            incomplete[number] = (manifest, error)
            manifests[number] = nil
            return
        }
        try keep(manifest, file)
        assembly.forget(model: number)
        incomplete[number] = nil
        manifests[number] = manifest
    }

    /// The highest number that was ever given.
    package var lastNumber: Int { max(manifests.keys.max() ?? 0, incomplete.keys.max() ?? 0) }

    package var lastChange: Int { changes.keys.max() ?? 0 }

    package func change(_ number: Int) -> ModelChange? { changes[number] }

    package var champion: Int? { changes[lastChange]?.to }

    /// Every change of the champion, the oldest first.
    package var history: [ModelChange] { changes.sorted { $0.key < $1.key }.map(\.value) }
}
