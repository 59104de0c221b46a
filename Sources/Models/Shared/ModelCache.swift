import Intent

/// Model files that this machine has read from the shared log, each under its number and checksum, so that a name
/// never stands for another content. Nothing is lost where the directory is removed: the next start fills it again.
struct ModelCache: Sendable {
    let directory: String

    /// Puts a file there that is not there yet, or not whole.
    func keep(_ id: ModelFileID, _ bytes: [UInt8]) throws(RegistryError) {
        let there: [UInt8]?
        do throws(RegistryError) {
            there = try Files.contents(of: path(id), maxBytes: IntentModel.maxFileBytes)
        } catch {
            there = nil
        }
        guard there != bytes else { return }
        try Files.makeDirectory(directory)
        try Files.replace(path(id), bytes)
    }

    func load(_ id: ModelFileID) throws(RegistryError) -> IntentModel { try ModelRegistry.load(path(id)) }

    private func path(_ id: ModelFileID) -> String { "\(directory)/\(id.model)-\(id.checksum).model" }
}
