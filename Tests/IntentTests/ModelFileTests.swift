import Events
import Intent
import Sessions
import Testing

struct ModelFileTests {
    private static let model: IntentModel? = try? Trainer.train(
        Examples.shop(events: 30_000), options: Examples.small
    ).model

    @Test func aModelComesBackBitForBit() throws {
        let model = try #require(Self.model)
        let again = try IntentModel(deserializing: model.serialized())
        #expect(again == model)
        let session = Examples.session([.pageview, .detail, .add], purchased: true)
        #expect(again.scores(session).map(\.bitPattern) == model.scores(session).map(\.bitPattern))
    }

    @Test func aFileCutAnywhereIsSaidToBeCut() throws {
        let bytes = Examples.untrained().serialized()
        for length in bytes.indices {
            let error = #expect(throws: ModelFileError.self, "cut to \(length) bytes") {
                try IntentModel(deserializing: Array(bytes[..<length]))
            }
            guard case .truncated(have: length, need: _) = error else {
                Issue.record("cut to \(length) bytes: \(String(describing: error))")
                return
            }
        }
    }

    @Test func everyFlippedBitIsFound() throws {
        let bytes = Examples.untrained().serialized()
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= 1 << UInt8(position % 8)
            #expect(throws: ModelFileError.self, "bit flipped at \(position)") {
                try IntentModel(deserializing: damaged)
            }
        }
        #expect(throws: ModelFileError.damaged) { try IntentModel(deserializing: bytes + [0]) }
    }

    /// Whoever makes the checksum right as well meets the checks of the content: a refusal, never a crash.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func damageWithARightChecksumIsRefusedOrHarmless(seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        let bytes = Examples.untrained(hiddenSize: 1).serialized()
        let session = Examples.session([.pageview, .add, .detail], purchased: true)
        for _ in 0..<2_000 {
            var body = Array(bytes[28...])
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let position = Int.random(in: 0..<min(600, body.count), using: &random)
                body[position] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { body.removeLast(Int.random(in: 0...40, using: &random)) }
            let file = Array(bytes[..<12]) + Self.number(UInt64(body.count)) + Self.number(Self.checksum(body)) + body
            do throws(ModelFileError) {
                let model = try IntentModel(deserializing: file)
                #expect(model.scores(session).count == 3)
            } catch {
                guard case .malformed = error else {
                    Issue.record("\(error), seed \(seed)")
                    return
                }
            }
        }
    }

    private static func number(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }

    @Test func foreignFilesAreNamedForWhatTheyAre() throws {
        #expect(throws: ModelFileError.notAModel) { try IntentModel(deserializing: Array("PK\u{3}\u{4}, a zip".utf8)) }
        var newer = try #require(Self.model).serialized()
        newer[8] = 9
        #expect(throws: ModelFileError.foreignVersion(9)) { try IntentModel(deserializing: newer) }
    }
}
