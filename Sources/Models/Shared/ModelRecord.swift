package import EventLog
import Events
package import Foundation
import Intent

/// What stands in a record of the model log: one JSON object that says itself what it is.
///
/// | key | value |
/// | --- | --- |
/// | `model/NUMBER/CHUNK` | a piece of a model file, with the checksums of the piece and of the file |
/// | `model/NUMBER` | the manifest: the file's length, pieces and checksum, and the model's card. Written last |
/// | `champion` | the latest change of the champion |
/// | `champion/CHANGE` | the same change once more, so that the history survives compaction |
package enum ModelRecord: Sendable {
    case chunk(ModelChunk)
    case manifest(ModelManifest)
    case change(NumberedChange)

    private struct Kind: Decodable { var kind: String }

    /// - Throws: `.malformed`, saying what is wrong.
    package init(_ value: [UInt8]) throws(Malformed) {
        let data = Data(value)
        let decoder = JSONDecoder()
        do {
            switch try decoder.decode(Kind.self, from: data).kind {
            case ModelChunk.kind: self = .chunk(try decoder.decode(ModelChunk.self, from: data))
            case ModelManifest.kind: self = .manifest(try decoder.decode(ModelManifest.self, from: data))
            case NumberedChange.kind: self = .change(try decoder.decode(NumberedChange.self, from: data))
            case let kind: throw Malformed(reason: "its kind is '\(kind)', which is none of ours")
            }
        } catch let error as Malformed {
            throw error
        } catch {
            throw Malformed(reason: "it is no record of ours: \(error)")
        }
        if case .chunk(let chunk) = self, chunk.data.checksum != chunk.dataChecksum {
            throw Malformed(
                reason: "piece \(chunk.chunk) of model \(chunk.file.model) is damaged: its checksum does not match")
        }
    }

    package struct Malformed: Error, Equatable { package var reason: String }

    fileprivate static func json(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do { return [UInt8](try encoder.encode(value)) } catch {
            preconditionFailure("ModelRecord.json: \(error)")
        }
    }
}

/// Which file a piece belongs to. Two that were once given the same number differ in their checksum.
package struct ModelFileID: Sendable, Hashable, Codable {
    package var model: Int
    package var bytes: Int
    package var chunks: Int
    /// Of the whole file, in hexadecimal.
    package var checksum: String

    package init(model: Int, file: [UInt8]) {
        self.model = model
        bytes = file.count
        chunks = max(1, (file.count + ModelChunk.maxBytes - 1) / ModelChunk.maxBytes)
        checksum = file.checksum
    }

    /// No file of ours is outside: what is, is damage and asks for no memory.
    var isPlausible: Bool {
        model > 0 && (0...IntentModel.maxFileBytes).contains(bytes)
            && chunks == max(1, (bytes + ModelChunk.maxBytes - 1) / ModelChunk.maxBytes)
    }
}

/// A piece of a model file.
package struct ModelChunk: Sendable, Equatable, Codable {
    static let kind = "chunk"
    /// As base64 in its record, half a megabyte: below every broker's usual limit of one.
    package static let maxBytes = 360 << 10

    package var kind = Self.kind
    package var file: ModelFileID
    /// From 0.
    package var chunk: Int
    package var data: Data
    package var dataChecksum: String

    /// A file in pieces.
    package static func cut(_ file: [UInt8], model: Int) -> [ModelChunk] {
        let id = ModelFileID(model: model, file: file)
        return (0..<id.chunks).map { chunk in
            let data = Data(file[(chunk * maxBytes)..<min(file.count, (chunk + 1) * maxBytes)])
            return ModelChunk(file: id, chunk: chunk, data: data, dataChecksum: data.checksum)
        }
    }

    package var record: KeyedRecord {
        KeyedRecord(key: "model/\(file.model)/\(chunk)", value: ModelRecord.json(self))
    }
}

/// What makes a model's pieces a model.
package struct ModelManifest: Sendable, Codable {
    static let kind = "model"

    package var kind = Self.kind
    package var file: ModelFileID
    package var card: ModelEntry

    package init(file: ModelFileID, card: ModelEntry) {
        self.file = file
        self.card = card
    }

    package var record: KeyedRecord { KeyedRecord(key: "model/\(file.model)", value: ModelRecord.json(self)) }
}

/// A change of the champion with its place in the history.
package struct NumberedChange: Sendable, Equatable, Codable {
    static let kind = "champion"

    package var kind = Self.kind
    /// From 1.
    package var number: Int
    package var change: ModelChange

    package init(number: Int, change: ModelChange) {
        self.number = number
        self.change = change
    }

    package var records: [KeyedRecord] {
        let value = ModelRecord.json(self)
        return [KeyedRecord(key: "champion", value: value), KeyedRecord(key: "champion/\(number)", value: value)]
    }
}

extension Collection<UInt8> {
    /// In hexadecimal; finds accidents, not attackers.
    var checksum: String {
        let hash =
            withContiguousStorageIfAvailable { StableHash.of(bytes: $0) }
            ?? Array(self).withUnsafeBufferPointer { StableHash.of(bytes: $0) }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
