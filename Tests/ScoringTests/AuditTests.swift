import EmbeddedLog
import EventLog
import Events
import Intent
import Scoring
import Sessions
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2)))
struct AuditTests {
    struct NoSuchModel: Error, CustomStringConvertible {
        var description: String { "there is no such model" }
    }

    /// A shop with two timelines, scored by nobody, then by the first model, then by the second.
    private func withScoredShop(_ body: (TestShop) async throws -> Void) async throws {
        try await withShop(partitions: 2) { shop in
            var live = SyntheticShop(seed: 61)
            var history = SyntheticShop(seed: 62)
            let champion = Mutex<NumberedModel?>(nil)
            try await shop.scoring(champion: { current in
                champion.withLock { $0?.number == current ? nil : $0 }
            }) { status in
                for model in [nil, try TestModels.first(), try TestModels.second()] {
                    if let model {
                        champion.withLock { $0 = model }
                        try await shop.until { status.snapshot.model == model.number }
                    }
                    try await shop.append(live.events(300, from: shop.time.now))
                    try await shop.replay(
                        history.events(200, from: 1_500_000_000_000), as: "history\(model?.number ?? 0)")
                    try await shop.append([Array("{".utf8)], keys: ["s:x"])
                    shop.time.advance(by: 20 * 60_000)
                    try await shop.committed()
                }
                try await shop.data.log.endReplay("history1")
                shop.time.advance(by: 60 * 60_000)
                try await shop.until { try await shop.position()?.sessions.closed ?? 0 > 20 }
                try await shop.committed()
            }
            try await body(shop)
        }
    }

    private func audit(
        _ shop: TestShop, _ tamper: (inout TamperedOutputs) -> Void = { _ in },
        model: @escaping @Sendable (Int) throws -> IntentModel = { try TestModels.numbered($0) }
    ) async throws -> Audit.Report {
        var outputs = TamperedOutputs(base: shop.data.outputs)
        tamper(&outputs)
        return try await Audit(events: shop.data.log, outputs: outputs, model: model).run()
    }

    @Test func aHealthyDirectoryShowsNoDifference() async throws {
        try await withScoredShop { shop in
            let progress = Mutex<[Int64]>([])
            let report = try await Audit(
                events: shop.data.log, outputs: shop.data.outputs, model: { try TestModels.numbered($0) }
            ).run { done, total in progress.withLock { $0 += [done, total] } }
            #expect(report.passed, "\(report.findings)")
            #expect(report.largestDifference == 0)
            #expect(report.scores == (try await shop.scores().count) && report.scores > 500)
            #expect(report.outcomes == (try await shop.outcomes().count) && report.outcomes > 20)
            #expect(report.models == [1, 2])
            let unscored = try await [shop.position(0), shop.position(1)].reduce(0) {
                $0 + ($1?.counters.unscored ?? 0)
            }
            #expect(report.unscored == unscored && unscored > 100)
            let told = progress.withLock { $0 }
            #expect(told.suffix(2).first == told.last)
        }
    }

    @Test func aFlippedScoreIsFound() async throws {
        try await withScoredShop { shop in
            let report = try await audit(shop) { outputs in
                outputs.scores = { change($0, at: 100) { $0.score = $0.score.nextUp } }
            }
            // Both partitions hold a hundredth score.
            #expect(!report.passed && report.problems == 2 && report.largestDifference > 0)
            #expect(report.findings.first?.problem.hasPrefix("score recorded {\"session\":\"0:") == true)
        }
    }

    @Test(
        arguments: [
            { $0.cart += 1 }, { $0.prefix += 1 }, { $0.key += "x" }, { $0.session = "0:999999" }, { $0.timestamp += 1 },
            { $0.sku = "other" }, { $0.page = "/other" }, { $0.type = "click" }, { $0.timeline = "other" },
            { $0.change = $0.change.map { $0 + 1 } ?? 0 },
        ] as [@Sendable (inout ScoreRecord) -> Void])
    func aChangeToAnyFieldIsFound(_ edit: @escaping @Sendable (inout ScoreRecord) -> Void) async throws {
        try await withShop { shop in
            var events = SyntheticShop(seed: 63)
            try await shop.append(events.events(60))
            let model = try TestModels.first()
            try await shop.scoreEverything { $0 == nil ? model : nil }
            let report = try await audit(shop) { outputs in
                outputs.scores = { change($0, at: 20, edit) }
            }
            #expect(!report.passed && report.problems == 1, "\(report.findings)")
        }
    }

    @Test func aMissingScoreIsFound() async throws {
        try await withScoredShop { shop in
            let missing = try await shop.scores()[50]
            let report = try await audit(shop) { outputs in
                outputs.scores = { $0.filter { (try? ScoreRecord(decoding: $0)) != missing } }
            }
            #expect(!report.passed && report.problems == 1)
            let problem = try #require(report.findings.first?.problem)
            #expect(problem.contains("scored is ") && problem.contains("at offset \(missing.offset)"), "\(problem)")
        }
    }

    @Test func aSecondScoreAndOneOfNoEventAreFound() async throws {
        try await withScoredShop { shop in
            let second = try await audit(shop) { outputs in
                outputs.scores = { values in Array(values[...70]) + [values[70]] + Array(values[71...]) }
            }
            #expect(!second.passed && second.problems == 2, "\(second.findings)")
            let beyond = try await audit(shop) { outputs in
                outputs.scores = { values in
                    values + change([values[0]], at: 0) { $0.offset = 1_000_000 }
                }
            }
            #expect(!beyond.passed && beyond.problems == 2, "\(beyond.findings)")
            #expect(beyond.findings.allSatisfy { $0.offset == 1_000_000 })
        }
    }

    @Test func aMissingAnExtraAndAWrongOutcomeAreFound() async throws {
        try await withScoredShop { shop in
            let count = try await shop.outcomes().count
            let missing = try await audit(shop) { $0.outcomes = { Array($0.dropFirst()) } }
            #expect(missing.problems == 2 && missing.findings[0].problem.hasPrefix("an outcome is missing"))
            let extra = try await audit(shop) { $0.outcomes = { [$0[0]] + $0 } }
            #expect(extra.problems == 2 && extra.findings[0].problem.hasSuffix("that no record explains"))
            let wrong = try await audit(shop) { outputs in
                outputs.outcomes = { values in
                    values.map { value in
                        guard var outcome = try? OutcomeRecord(decoding: value) else { return value }
                        outcome.purchased.toggle()
                        return outcome.encoded()
                    }
                }
            }
            #expect(wrong.problems == count && !wrong.passed)
            let late = try await audit(shop) { outputs in
                outputs.outcomes = { values in
                    values.last.map { last in
                        guard var outcome = try? OutcomeRecord(decoding: last) else { return values }
                        outcome.offset = 1_000_000
                        return values + [outcome.encoded()]
                    } ?? values
                }
            }
            #expect(late.problems == 2)
        }
    }

    @Test func wrongCountersAreFound() async throws {
        try await withScoredShop { shop in
            let report = try await audit(shop) { outputs in
                outputs.position = { text in
                    guard var position = try? Position(decoding: text) else { return text }
                    // The sum stays right: a position whose accounts do not add up cannot even be read.
                    position.counters.repeated += 1
                    position.counters.scored -= 1
                    position.sessions.purchased += 1
                    return position.encoded()
                }
            }
            #expect(!report.passed && report.problems == 2 && report.largestDifference == 0)
            let problem = report.findings[0].problem
            #expect(problem.contains("repeated is ") && problem.contains("sessions purchased is "), "\(problem)")
        }
    }

    @Test func anUnreadableRecordAndAMissingModelAreFindings() async throws {
        try await withScoredShop { shop in
            let unreadable = try await audit(shop) { outputs in
                outputs.scores = { [Array("{\"session\":".utf8)] + $0.dropFirst() }
            }
            #expect(unreadable.findings[0].problem.contains("unreadable") && unreadable.problems == 4)
            let missing = try await audit(
                shop,
                model: { number in
                    if number == 2 { throw NoSuchModel() }
                    return try TestModels.numbered(number)
                })
            #expect(missing.problems == 2 && missing.models == [1])
            #expect(missing.findings[0].problem == "nothing by model 2 can be compared: there is no such model")
        }
    }

    @Test func scoresWithoutAPositionAreFound() async throws {
        try await withShop { shop in
            var events = SyntheticShop(seed: 64)
            try await shop.append(events.events(60))
            let value = ScoreRecord.sample.encoded()
            let report = try await audit(shop) { $0.scores = { _ in [value] } }
            #expect(report.problems == 1)
        }
    }

    @Test func whatIsScoredDuringAnAuditIsNotJudged() async throws {
        try await withShop { shop in
            var events = SyntheticShop(seed: 65)
            let model = try TestModels.first()
            try await shop.append(events.events(400))
            try await shop.scoring(champion: { $0 == nil ? model : nil }) { _ in
                try await shop.committed()
                for round in 1...20 {
                    try await shop.append(events.events(50, from: shop.time.now + Int64(round) * 50_000))
                    let report = try await audit(shop)
                    #expect(report.passed, "\(report.findings)")
                }
                try await shop.committed()
            }
            #expect(try await audit(shop).passed)
        }
    }

    @Test func otherSessionRulesAreRefused() async throws {
        try await withShop { shop in
            var events = SyntheticShop(seed: 66)
            try await shop.append(events.events(60))
            try await shop.scoreEverything()
            let audit = Audit(
                events: shop.data.log, outputs: shop.data.outputs,
                parameters: FoldParameters(idleGap_ms: 1, maxRecords: 2, maxDuration_ms: 3, maxReplays: 4)
            ) { try TestModels.numbered($0) }
            await #expect(throws: PositionError.self) { try await audit.run() }
        }
    }
}

/// The values with one score record edited; fewer values are left as they are.
private func change(
    _ values: [[UInt8]], at index: Int, _ edit: (inout ScoreRecord) -> Void
) -> [[UInt8]] {
    guard index < values.count, var record = try? ScoreRecord(decoding: values[index]) else { return values }
    edit(&record)
    var values = values
    values[index] = record.encoded()
    return values
}
