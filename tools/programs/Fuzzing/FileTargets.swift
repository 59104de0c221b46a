import Collector
import Console
import Events
import Intent
import Sessions
import SpooledLog

/// Readers of what this program wrote itself, and of compressed bodies. Beside not crashing: what is accepted comes back
/// as the same bytes, and nothing asks for more memory than its limit.
enum FileTargets {
    private static let gzipLimit = 100_000

    static func gzip(_ input: [UInt8]) -> String? {
        let whole = BodyIntake.inflated(input, limit: gzipLimit, chunkBytes: input.count + 1)
        let cut = BodyIntake.inflated(input, limit: gzipLimit, chunkBytes: 1 + input.count % 5)
        if whole != cut { return "\(whole?.count ?? -1) bytes whole, \(cut?.count ?? -1) in pieces" }
        if let whole, whole.count > gzipLimit { return "inflates to \(whole.count) bytes" }
        if let whole, whole.count < 60_000,
            BodyIntake.inflated(
                Corpus.gzip(whole), limit: gzipLimit, chunkBytes: 999) != whole
        {
            return "does not come back"
        }
        return nil
    }

    static func model(_ input: [UInt8]) -> String? {
        do throws(ModelFileError) {
            let model = try IntentModel(deserializing: input)
            let again: IntentModel
            do throws(ModelFileError) { again = try IntentModel(deserializing: model.serialized()) } catch {
                return "accepted, and \(error) when written again"
            }
            if again != model { return "another model when written again" }
            let steps = [
                Step(kind: .detail, sku: 7, page: 1),
                Step(kind: .add, sku: .max, gap_ms: .max, elapsed_ms: .max, cart: .max),
            ]
            let scores = model.scores(TrainingSession(start: 0, steps: steps, purchased: false))
            // Weights of any size may overflow; a score is a probability all the same, or no number at all.
            return scores.allSatisfy { (0...1).contains($0) } ? nil : "scores \(scores)"
        } catch {
            return error.description.isEmpty ? "a refusal without words" : nil
        }
    }

    static func sse(_ input: [UInt8]) -> String? {
        let text = String(decoding: input, as: UTF8.self)
        for partitions in [1, 3] {
            guard let position = FeedPosition(id: text, partitionCount: partitions) else { continue }
            guard FeedPosition(id: position.id, partitionCount: partitions) == position else {
                return "id \(position.id) does not come back"
            }
            if (position.scores + position.outcomes).contains(where: { $0 < 0 }) { return "an offset below zero" }
        }
        return nil
    }

    static func position(_ input: [UInt8]) -> String? {
        let position: Position
        do throws(PositionError) { position = try Position(decoding: String(decoding: input, as: UTF8.self)) } catch {
            return error.description.isEmpty ? "a refusal without words" : nil
        }
        let text = position.encoded()
        guard let again = try? Position(decoding: text), again == position, again.encoded() == text else {
            return "does not come back: \(text)"
        }
        // A fold begins at whatever was accepted, also where retention has passed it.
        for logStart in [0, position.next] {
            guard let fold = try? SessionFold(resuming: position, logStart: logStart) else { continue }
            if fold.position().next != position.next { return "the fold stands elsewhere" }
        }
        return nil
    }

    /// Every byte belongs to one entry or to one that cannot be read; a reader always comes forward.
    static func spool(_ input: [UInt8]) -> String? {
        var offset = 0
        while let found = SpoolFormat.read(input, at: offset, isEnd: true) {
            switch found {
            case .item(let item, let time, let bytes):
                guard SpoolFormat.encode(item, time: time) == Array(input[offset..<offset + bytes]) else {
                    return "an entry that is written in two ways, at byte \(offset)"
                }
                offset += bytes
            case .damaged(let bytes, let reason):
                if bytes <= 0 || reason.isEmpty { return "\(bytes) damaged bytes at \(offset)" }
                offset += bytes
            case .torn(let bytes):
                if offset + bytes != input.count { return "torn before the end, at \(offset)" }
                offset += bytes
            }
            if offset > input.count { return "beyond the end" }
        }
        return offset == input.count ? nil : "ends at byte \(offset) of \(input.count)"
    }
}
