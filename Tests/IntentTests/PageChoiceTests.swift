import Events
import Intent
import Sessions
import Testing

/// Which pages a model knows by themselves, seen through what it makes of them.
struct PageChoiceTests {
    /// Sessions of a home page, one of very many products of a section, and for one in twenty a till that nearly all
    /// buyers see. A hundred other pages are more frequent than the till and tell nothing.
    private static func sessions(seed: UInt64) -> [TrainingSession] {
        var random = RandomSource(seed: seed)
        return (0..<4_000).map { index in
            let buys = index % 20 == 0
            var steps = [Step(kind: .pageview, page: 1)]
            steps.append(
                Step(kind: .pageview, page: 1_000_000 + random.next() % 100_000, section: 2, gap_ms: 9_000))
            for _ in 0..<8 { steps.append(Step(kind: .pageview, page: 100 + random.next() % 100, gap_ms: 9_000)) }
            if buys || index % 200 == 1 { steps.append(Step(kind: .pageview, page: 7, gap_ms: 9_000)) }
            return TrainingSession(start: Int64(index), steps: steps, purchased: buys)
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func sectionsAndTellingPagesAreKnown(seed: UInt64) throws {
        var options = TrainingOptions()
        options.hiddenSize = 4
        options.epochs = 1
        let model = try Trainer.train(Self.sessions(seed: seed), options: options).model
        #expect(model.encoder.pages.count == Encoder.maxPages)
        #expect(model.encoder.pages.contains(1))
        #expect(model.encoder.pages.contains(2), "the section of pages that are rare one by one")
        #expect(model.encoder.pages.contains(7), "a rare page that tells of a purchase")
    }

    @Test func aPageThatIsNotKnownStandsForItsSection() {
        let encoder = Encoder(pages: [1, 2], products: [:])
        let known = encoder.encode(Step(kind: .pageview, page: 1, section: 2))
        let section = encoder.encode(Step(kind: .pageview, page: 5, section: 2))
        #expect(section == encoder.encode(Step(kind: .pageview, page: 6, section: 2)))
        #expect(section != known)
        #expect(section != encoder.encode(Step(kind: .pageview, page: 5)))
        #expect(section != encoder.encode(Step(kind: .pageview, page: 5, section: 3)))
    }
}
