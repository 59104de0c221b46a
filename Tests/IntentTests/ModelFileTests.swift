import Events
import Intent
import Sessions
import Testing

@Suite(.serialized)
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

    @Test func aFileCutAnywhereIsRefused() throws {
        let bytes = try #require(Self.model).serialized()
        let lengths = Array(0..<64) + stride(from: 64, to: bytes.count, by: 97) + [bytes.count - 1]
        for length in lengths {
            #expect(throws: ModelFileError.self, "cut to \(length) bytes") {
                try IntentModel(deserializing: Array(bytes[..<length]))
            }
        }
    }

    @Test func aFlippedBitIsFound() throws {
        let bytes = try #require(Self.model).serialized()
        for position in stride(from: 0, to: bytes.count, by: 131) {
            var damaged = bytes
            damaged[position] ^= 1 << UInt8(position % 8)
            #expect(throws: ModelFileError.self, "bit flipped at \(position)") {
                try IntentModel(deserializing: damaged)
            }
        }
        #expect(throws: ModelFileError.self) { try IntentModel(deserializing: bytes + [0]) }
    }

    @Test func foreignFilesAreNamedForWhatTheyAre() throws {
        #expect(throws: ModelFileError.notAModel) { try IntentModel(deserializing: Array("PK\u{3}\u{4}, a zip".utf8)) }
        var newer = try #require(Self.model).serialized()
        newer[8] = 9
        #expect(throws: ModelFileError.foreignVersion(9)) { try IntentModel(deserializing: newer) }
    }
}

struct SessionScorerTests {
    @Test func oneStepAtATimeGivesWhatTheWholeSessionGives() throws {
        let sessions = Examples.shop(events: 30_000)
        let model = try Trainer.train(sessions, options: Examples.small).model
        var scorer = SessionScorer(model: model)
        for (slot, session) in sessions.prefix(200).enumerated() {
            let expected = model.scores(session)
            var before: Float?
            for end in session.steps.indices {
                let score = scorer.score(slot: slot % 7, steps: Array(session.steps[...end]))
                #expect(score.value.bitPattern == expected[end].bitPattern)
                #expect(score.change == before.map { score.value - $0 })
                before = score.value
            }
            scorer.free(slot: slot % 7)
        }
    }

    @Test func afterASwapAScoreIsTheNewModelsOwn() throws {
        let sessions = Examples.shop(events: 30_000)
        var other = Examples.small
        other.hiddenSize = 12
        let first = try Trainer.train(sessions, options: Examples.small).model
        let second = try Trainer.train(sessions, options: other).model
        let session = try #require(sessions.first { $0.steps.count >= 6 })
        var scorer = SessionScorer(model: first)
        _ = scorer.score(slot: 0, steps: Array(session.steps[..<3]))
        scorer.swap(to: second)
        let expected = second.scores(session)
        let score = scorer.score(slot: 0, steps: Array(session.steps[..<4]))
        #expect(score.value.bitPattern == expected[3].bitPattern)
        // The change is the new model's too, not the distance between two models.
        #expect(score.change == expected[3] - expected[2])
    }
}
