/// Puts the pieces of model files together, in whatever order they come. Pure.
///
/// What is held is bounded: where it would become too much, the file that has waited longest is given up.
package struct ModelAssembly: Sendable {
    private struct Pieces: Sendable {
        var chunks: [Int: [UInt8]] = [:]
        /// When its first piece came.
        var age: Int
    }

    private let maxHeldBytes: Int
    private var files: [ModelFileID: Pieces] = [:]
    private var heldBytes = 0
    private var count = 0

    package init(maxHeldBytes: Int) { self.maxHeldBytes = maxHeldBytes }

    /// Why a file is not there.
    package enum Fault: Error, Equatable, CustomStringConvertible {
        case incomplete(have: Int, need: Int)
        case damaged
        case implausible

        package var description: String {
            switch self {
            case .incomplete(let have, let need): "is incomplete: \(have) of its \(need) pieces are there"
            case .damaged: "is damaged: its checksum does not match"
            case .implausible: "is damaged: its manifest names a length that no model has"
            }
        }
    }

    /// Keeps a piece, in the place of the one that came before it. One that belongs to no file that can be is passed
    /// over.
    package mutating func take(_ chunk: ModelChunk) {
        guard chunk.file.isPlausible, (0..<chunk.file.chunks).contains(chunk.chunk),
            chunk.data.count <= ModelChunk.maxBytes
        else { return }
        if files[chunk.file] == nil {
            count += 1
            files[chunk.file] = Pieces(age: count)
        }
        let replaced = files[chunk.file]?.chunks.updateValue([UInt8](chunk.data), forKey: chunk.chunk)
        heldBytes += chunk.data.count - (replaced?.count ?? 0)
        while heldBytes > maxHeldBytes, let oldest = files.min(by: { $0.value.age < $1.value.age }) {
            remove(oldest.key)
        }
    }

    /// The whole file.
    package func file(_ id: ModelFileID) throws(Fault) -> [UInt8] {
        guard id.isPlausible else { throw .implausible }
        let chunks = files[id]?.chunks ?? [:]
        guard chunks.count == id.chunks else { throw .incomplete(have: chunks.count, need: id.chunks) }
        var file: [UInt8] = []
        file.reserveCapacity(id.bytes)
        for chunk in 0..<id.chunks { file += chunks[chunk] ?? [] }
        guard file.count == id.bytes, file.checksum == id.checksum else { throw .damaged }
        return file
    }

    /// Lets go of every file that was given a number: it is settled which one has it.
    package mutating func forget(model: Int) {
        for id in files.keys where id.model == model { remove(id) }
    }

    private mutating func remove(_ id: ModelFileID) {
        guard let pieces = files.removeValue(forKey: id) else { return }
        heldBytes -= pieces.chunks.values.reduce(0) { $0 + $1.count }
    }
}
