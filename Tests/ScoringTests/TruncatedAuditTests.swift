import EmbeddedLog
import EventLog
import Events
import Scoring
import Sessions
import Synchronization
import Testing

/// An audit of a log whose beginning retention has removed.
@Suite(.timeLimit(.minutes(2)))
struct TruncatedAuditTests {
    /// So that some sessions are muted, before the cut and behind it.
    private static let parameters = FoldParameters(
        idleGap_ms: 30 * 60_000, maxRecords: 25, maxDuration_ms: 24 * 3_600_000, maxReplays: 12)

    private static var retention: RetentionSettings {
        var settings = RetentionSettings(age: .seconds(3_600))
        // Swept by hand.
        settings.delay = .seconds(86_400)
        settings.step = 40
        return settings
    }

    /// Four hours of a shop, in small appends; a model scores from the second on. All its sessions are closed, and then
    /// retention removes all but the last of `kept_ms`.
    private func withSweptShop(
        seed: UInt64, kept_ms: Int64, _ body: (TestShop) async throws -> Void
    ) async throws {
        try await withShop(partitions: 2, retention: Self.retention) { shop in
            var live = SyntheticShop(seed: seed)
            var history = SyntheticShop(seed: seed + 1_000)
            var settings = ScoringService.Settings.test
            settings.parameters = Self.parameters
            let champion = Mutex<NumberedModel?>(nil)
            try await shop.scoring(
                settings: settings,
                champion: { current in champion.withLock { $0?.number == current ? nil : $0 } }
            ) { status in
                for part in 0..<48 {
                    if part == 12 {
                        let model = try TestModels.first()
                        champion.withLock { $0 = model }
                        try await shop.until { status.snapshot.model == model.number }
                    }
                    try await shop.append(live.events(20, from: shop.time.now))
                    if part % 4 == 0 {
                        try await shop.replay(
                            history.events(20, from: 1_500_000_000_000 + Int64(part) * 60_000), as: "history")
                    }
                    try await shop.append(Self.visit(part, at: shop.time.now))
                    shop.time.advance(by: 5 * 60_000)
                    // Positions from the middle of it.
                    if part % 6 == 5 { try await shop.committed() }
                }
                try await shop.data.log.endReplay("history")
                shop.time.advance(by: 60 * 60_000)
                // Silence has closed every session when this is folded.
                for key in ["s:last", "s:end", "s:ende", "s:fin"] {
                    try await shop.append([Array("{".utf8)], keys: [key])
                }
                for partition in 0..<2 { try await shop.data.log.appendTick(partition: partition) }
                try await shop.committed()
            }
            shop.time.advance(by: 3_600_000 - 60 * 60_000 - kept_ms)
            let removed = try await shop.data.sweep()
            #expect(removed > 0)
            try await body(shop)
        }
    }

    /// Of nine keys that come every 45 minutes, each for a session of its own.
    private static func visit(_ part: Int, at time: Int64) -> [Event] {
        (0..<3).map { number in
            Event(
                id: "visit-\(part)-\(number)", session: "regular-\(part % 9)", kind: .pageview, timestamp: time,
                url: "https://shop.example/c/\(number)")
        }
    }

    private func audit(
        _ shop: TestShop, _ tamper: (inout TamperedOutputs) -> Void = { _ in }
    ) async throws -> Audit.Report {
        var outputs = TamperedOutputs(base: shop.data.outputs)
        tamper(&outputs)
        return try await Audit(events: shop.data.log, outputs: outputs, parameters: Self.parameters) {
            try TestModels.numbered($0)
        }.run()
    }

    /// Where each partition begins now.
    private func starts(_ shop: TestShop) async throws -> [Int64] {
        var starts: [Int64] = []
        for partition in 0..<2 { starts.append(try await shop.data.log.bounds(partition: partition).lowerBound) }
        return starts
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func whatIsLeftIsAuditedToTheLastBit(seed: UInt64) async throws {
        // From a few minutes to most of it.
        try await withSweptShop(seed: seed, kept_ms: Int64(seed) * 17 * 60_000) { shop in
            let report = try await audit(shop)
            #expect(report.passed, "\(report.findings)")
            let starts = try await starts(shop)
            #expect(report.removed == starts.reduce(0, +) && report.removed > 0)
            func isWhole(_ session: String) throws -> Bool {
                let identity = try #require(SessionIdentity(session))
                return identity.firstOffset >= starts[identity.partition]
            }
            let scores = try await shop.scores().filter { try isWhole($0.session) }
            #expect(report.scores == scores.count)
            #expect(report.outcomes == (try await shop.outcomes().filter { try isWhole($0.session) }.count))
        }
    }

    @Test func sessionsThatBeganInWhatIsGoneAreCounted() async throws {
        try await withSweptShop(seed: 3, kept_ms: 90 * 60_000) { shop in
            let report = try await audit(shop)
            #expect(report.truncated > 0 && report.scores > 100 && report.outcomes > 10)
        }
    }

    @Test(arguments: [7, 8] as [UInt64])
    func retentionMayGoOnMeanwhile(seed: UInt64) async throws {
        try await withSweptShop(seed: seed, kept_ms: 150 * 60_000) { shop in
            let before = try await starts(shop)
            let isFirst = Atomic(true)
            let log = RefusingLog(
                shop.data.log,
                willRead: { () async throws(EventLogError) in
                    guard isFirst.exchange(false, ordering: .relaxed) else { return }
                    shop.time.advance(by: 45 * 60_000)
                    _ = try await shop.data.sweep()
                })
            let report = try await Audit(events: log, outputs: shop.data.outputs, parameters: Self.parameters) {
                try TestModels.numbered($0)
            }.run()
            #expect(report.passed, "\(report.findings)")
            let starts = try await starts(shop)
            #expect(report.removed == starts.reduce(0, +) && zip(before, starts).allSatisfy(<))
        }
    }

    @Test func aFlippedScoreIsFound() async throws {
        try await withSweptShop(seed: 4, kept_ms: 120 * 60_000) { shop in
            let starts = try await starts(shop)
            let score = try #require(
                try await shop.scores().last { SessionIdentity($0.session)!.firstOffset >= starts[$0.partition] })
            let report = try await audit(shop) { outputs in
                outputs.scores = { values in
                    values.map { value in
                        guard var record = try? ScoreRecord(decoding: value), record == score else { return value }
                        record.score += 0.25
                        return record.encoded()
                    }
                }
            }
            #expect(!report.passed && report.problems == 1 && abs(report.largestDifference - 0.25) < 1e-6)
        }
    }

    @Test func aMissingScoreIsFound() async throws {
        try await withSweptShop(seed: 6, kept_ms: 120 * 60_000) { shop in
            let starts = try await starts(shop)
            let left = try await shop.scores().filter { $0.offset >= starts[$0.partition] }
            let missing = left[left.count / 4]
            let report = try await audit(shop) { outputs in
                outputs.scores = { $0.filter { (try? ScoreRecord(decoding: $0)) != missing } }
            }
            let problem = try #require(report.findings.first?.problem)
            #expect(report.problems == 1 && problem.contains("at offset \(missing.offset)"), "\(problem)")
        }
    }

    @Test func aMissingOutcomeIsFound() async throws {
        try await withSweptShop(seed: 5, kept_ms: 120 * 60_000) { shop in
            let starts = try await starts(shop)
            let outcome = try #require(
                try await shop.outcomes().last { SessionIdentity($0.session)!.firstOffset >= starts[$0.partition] })
            let report = try await audit(shop) { outputs in
                outputs.outcomes = { $0.filter { (try? OutcomeRecord(decoding: $0)) != outcome } }
            }
            #expect(report.problems == 1 && report.findings[0].problem.contains("an outcome is missing"))
        }
    }
}
