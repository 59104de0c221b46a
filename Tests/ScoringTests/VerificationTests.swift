import EmbeddedLog
import EventLog
import Events
import Intent
import Scoring
import Sessions
import Testing

/// What `dinghy verify` and `dinghy repair` rest on: positions that fit, positions worked out again, a sample scored again.
@Suite(.timeLimit(.minutes(2)))
struct VerificationTests {
    private struct Stage {
        var positions: [Position]
        var ends: [[Int64]]
    }

    /// Scores a shop in stages; what had been committed after each.
    private func withStages(_ seed: UInt64, _ body: (TestShop, [Stage]) async throws -> Void) async throws {
        try await withShop(partitions: 2) { shop in
            var live = SyntheticShop(seed: seed)
            var history = SyntheticShop(seed: seed + 1)
            var stages: [Stage] = []
            for round in 0..<4 {
                try await shop.append(live.events(200, from: shop.time.now))
                try await shop.replay(history.events(100, from: 1_500_000_000_000), as: "history\(round)")
                let model = round == 0 ? nil : try TestModels.first()
                try await shop.scoreEverything(champion: { $0 == model?.number ? nil : model })
                var stage = Stage(positions: [], ends: [])
                for partition in 0..<2 {
                    stage.positions.append(try #require(try await shop.position(partition)))
                    var ends: [Int64] = []
                    for stream in OutputStream.allCases {
                        ends.append(try await shop.data.outputs.bounds(stream, partition: partition).upperBound)
                    }
                    stage.ends.append(ends)
                }
                stages.append(stage)
                shop.time.advance(by: 25 * 60_000)
            }
            try await body(shop, stages)
        }
    }

    @Test(arguments: [71, 72, 73])
    func anEarlierPositionIsWorkedOutAsItWas(seed: UInt64) async throws {
        try await withStages(seed) { shop, stages in
            for stage in stages {
                for (partition, position) in stage.positions.enumerated() {
                    let earlier = try await EarlierPosition(
                        partition, at: position.next, start: position.start, events: shop.data.log,
                        outputs: shop.data.outputs)
                    #expect(earlier.position == position)
                    #expect([earlier.scoresEnd, earlier.outcomesEnd] == stage.ends[partition])
                }
            }
        }
    }

    @Test func whatFitsIsSaidToFit() async throws {
        try await withStages(81) { shop, _ in
            let findings = await PositionCheck(events: shop.data.log, outputs: shop.data.outputs).run()
            #expect(findings == [])
        }
    }

    @Test func aPositionThatDoesNotFitIsFound() async throws {
        try await withStages(82) { shop, stages in
            let last = try #require(stages.last)
            var outputs = TamperedOutputs(base: shop.data.outputs)
            var position = last.positions[0]
            position.counters.scored -= 1
            position.counters.unscored += 1
            let (sound, text) = (last.positions[0].encoded(), position.encoded())
            outputs.position = { $0 == sound ? text : $0 }
            let findings = await PositionCheck(events: shop.data.log, outputs: outputs).run()
            #expect(findings.map(\.partition).contains(0), "\(findings)")
            #expect(findings.contains { $0.problem.contains("the position counts \(position.counters.scored) scored") })
        }
    }

    @Test(arguments: [1, 2, 3, 4])
    func aSampleIsScoredAgainToTheLastBit(seed: UInt64) async throws {
        try await withStages(83) { shop, _ in
            let sample = SampleAudit(events: shop.data.log, outputs: shop.data.outputs) { try TestModels.numbered($0) }
            let report = try await sample.run(count: 200, seed: seed)
            #expect(report.passed, "\(report.findings)")
            #expect(report.scores > 20)
            let other = SampleAudit(events: shop.data.log, outputs: shop.data.outputs) { _ in
                try TestModels.numbered(2)
            }
            let different = try await other.run(count: 200, seed: seed)
            #expect(different.problems > 20)
            #expect(different.largestDifference > 0)
        }
    }
}
