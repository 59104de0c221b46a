import EventLog
import FoundationEssentials
import Intent
import ModelContract
import Models
import Testing

/// What is made of pieces that come in any order, more than once, damaged, or not at all.
struct ShelfTests {
    private struct Model {
        var file: [UInt8]
        var chunks: [ModelChunk]
        var manifest: ModelManifest

        init(_ number: Int, bytes: Int, random: inout RandomSource) {
            file = (0..<bytes).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            chunks = ModelChunk.cut(file, model: number)
            manifest = ModelManifest(
                file: ModelFileID(model: number, file: file),
                card: ModelEntry(
                    number: number, created: 0, origin: .retrain, bytes: bytes, model: SampleModel.make(number),
                    report: nil, verdict: nil))
        }

        var records: [[UInt8]] { chunks.map(\.record.value) + [manifest.record.value] }
    }

    private struct Reader {
        var shelf = ModelShelf(maxHeldBytes: 64 << 20)
        var files: [Int: [UInt8]] = [:]

        mutating func fold(_ records: [[UInt8]]) {
            for value in records {
                let record = StoredRecord(offset: shelf.next, time: 0, value: value)
                shelf.fold(record) { files[$0.file.model] = $1 }
            }
        }
    }

    /// Sizes around the borders of a piece.
    private static func models(_ random: inout RandomSource) -> [Model] {
        let sizes = [0, 1, ModelChunk.maxBytes - 1, ModelChunk.maxBytes, ModelChunk.maxBytes + 1, 900_000]
        return sizes.shuffled(using: &random).enumerated().map { Model($0 + 1, bytes: $1, random: &random) }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func interleavedRepeatedAndInAnyOrderEveryModelComesTogether(seed: UInt64) {
        var random = RandomSource(seed: seed)
        let models = Self.models(&random)
        var records = models.flatMap(\.records)
        records += records.filter { _ in Bool.random(using: &random) }
        records.shuffle(using: &random)
        var reader = Reader()
        reader.fold(records)
        #expect(reader.shelf.manifests.keys.sorted() == models.indices.map { $0 + 1 })
        for model in models { #expect(reader.files[model.manifest.file.model] == model.file) }
        #expect(reader.shelf.incomplete.isEmpty && reader.shelf.unreadable.isEmpty)
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func whatIsLostOrDamagedShowsNoModelAndIsNamed(seed: UInt64) {
        var random = RandomSource(seed: seed)
        let models = Self.models(&random)
        var records: [[UInt8]] = []
        var (whole, incomplete): (Set<Int>, Set<Int>) = ([], [])
        var damaged = 0
        for model in models {
            let all = model.records
            let victim = Int.random(in: 0..<all.count, using: &random)
            let harm = Int.random(in: 0..<3, using: &random)
            for (index, var value) in all.enumerated() {
                guard index == victim, harm > 0 else {
                    records.append(value)
                    continue
                }
                if harm == 1 { continue }
                damaged += 1
                value.removeLast(Int.random(in: 1..<value.count, using: &random))
                records.append(value)
            }
            let number = model.manifest.file.model
            if harm == 0 {
                whole.insert(number)
            } else if victim < all.count - 1 {
                incomplete.insert(number)
            }
        }
        var reader = Reader()
        reader.fold(records.shuffled(using: &random))
        #expect(Set(reader.shelf.manifests.keys) == whole)
        #expect(Set(reader.shelf.incomplete.keys) == incomplete)
        #expect(reader.shelf.unreadable.count == damaged)
        for model in models where whole.contains(model.manifest.file.model) {
            #expect(reader.files[model.manifest.file.model] == model.file)
        }
        // Sent again, everything comes together.
        reader.fold(models.flatMap(\.records))
        #expect(reader.shelf.manifests.count == models.count && reader.shelf.incomplete.isEmpty)
    }

    @Test func aPieceWithOtherContentIsRefused() throws {
        var random = RandomSource(seed: 1)
        var model = Model(1, bytes: 1_000, random: &random)
        model.chunks[0].data[500] ^= 1
        var reader = Reader()
        reader.fold(model.records)
        #expect(reader.shelf.manifests.isEmpty && reader.files.isEmpty)
        #expect(reader.shelf.unreadable.first?.reason == "piece 0 of model 1 is damaged: its checksum does not match")
        #expect(reader.shelf.incomplete[1]?.fault == .incomplete(have: 0, need: 1))
    }

    /// Pieces whose own checksums hold, put together wrongly.
    @Test func aFileWithOtherContentIsRefused() {
        var random = RandomSource(seed: 2)
        let model = Model(1, bytes: 2 * ModelChunk.maxBytes, random: &random)
        var swapped = model
        (swapped.chunks[0].chunk, swapped.chunks[1].chunk) = (1, 0)
        var reader = Reader()
        reader.fold(swapped.records)
        #expect(reader.shelf.incomplete[1]?.fault == .damaged)
        reader.fold(model.chunks.map(\.record.value))
        #expect(reader.files[1] == model.file)
    }

    /// What an interrupted writer left behind under a number is no part of the model that got it.
    @Test func piecesOfTwoFilesWithOneNumberAreNotMixed() {
        var random = RandomSource(seed: 3)
        let left = Model(1, bytes: 900_000, random: &random)
        let kept = Model(1, bytes: 800_000, random: &random)
        var reader = Reader()
        reader.fold([left.records[0], kept.records[0], left.records[1], kept.records[1]])
        reader.fold(Array(kept.records[2...]))
        #expect(reader.files[1] == kept.file)
    }

    @Test func whatNeverEndsIsGivenUpForWhatCame() throws {
        var random = RandomSource(seed: 4)
        let (first, second) = (Model(1, bytes: 900_000, random: &random), Model(2, bytes: 900_000, random: &random))
        var assembly = ModelAssembly(maxHeldBytes: 1_000_000)
        first.chunks.forEach { assembly.take($0) }
        second.chunks.forEach { assembly.take($0) }
        #expect(throws: ModelAssembly.Fault.incomplete(have: 0, need: 3)) { try assembly.file(first.manifest.file) }
        #expect(try assembly.file(second.manifest.file) == second.file)
    }

    @Test func lengthsThatNoModelHasAskForNoMemory() {
        var random = RandomSource(seed: 5)
        var model = Model(1, bytes: 10, random: &random)
        model.manifest.file.bytes = .max
        model.manifest.file.chunks = .max
        var reader = Reader()
        reader.fold([model.manifest.record.value])
        #expect(reader.shelf.incomplete[1]?.fault == .implausible)
    }

    @Test func aFileThatCannotBeKeptIsNotPassedOver() {
        struct Full: Error {}
        var random = RandomSource(seed: 6)
        let model = Model(1, bytes: 10, random: &random)
        var shelf = ModelShelf(maxHeldBytes: 1 << 20)
        let records = model.records.enumerated().map { StoredRecord(offset: Int64($0), time: 0, value: $1) }
        shelf.fold(records[0]) { _, _ in }
        #expect(throws: Full.self) { try shelf.fold(records[1]) { _, _ throws(Full) in throw Full() } }
        #expect(shelf.next == 1 && shelf.manifests.isEmpty)
        shelf.fold(records[1]) { _, _ in }
        #expect(shelf.next == 2 && shelf.manifests.keys.contains(1))
        // Read once more, as after a reader began again: nothing changes.
        for record in records { shelf.fold(record) { _, _ in Issue.record("kept twice") } }
    }
}
