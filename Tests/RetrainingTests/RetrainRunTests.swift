import EmbeddedLog
import EventLog
import Events
import Foundation
import Intent
import Logging
import Models
import Retraining
import Sessions
import Testing

/// A run over a real log in a directory of its own.
struct RetrainRunTests {
    private final class Place {
        let path = FileManager.default.temporaryDirectory.appending(path: "dinghy-retrain-\(UUID().uuidString)").path()
        var registry: ModelRegistry { ModelRegistry(directory: path + "/models") }

        func open() async throws -> DataDirectory {
            try await DataDirectory.open(
                path, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, now: { 1_770_000_000_000 })
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Sessions whose buyers can be told by what they look at: an hour apart, so that each is one.
    private static func rows(_ sessions: Range<Int>, name: String) -> [ReplayRow] {
        var rows: [ReplayRow] = []
        for session in sessions {
            let buys = session % 4 == 0
            let kinds: [EventKind] = [.pageview, buys ? .detail : .search, buys ? .add : .pageview]
            for (index, kind) in (buys ? kinds + [.purchase] : kinds).enumerated() {
                let event = Event(
                    id: "\(session)-\(index)", session: "s\(session)", kind: kind,
                    timestamp: 1_767_225_600_000 + Int64(session) * 3_600_000 + Int64(index) * 10_000)
                rows.append(
                    ReplayRow(
                        number: Int64(rows.count) + 1,
                        content: .event(
                            NewRecord(
                                key: event.sessionKey,
                                value: RecordCoder.encode(event, timeline: .replay(name), received: 0),
                                identity: event.identity))))
            }
        }
        return rows
    }

    private static var settings: RetrainRun.Settings {
        var settings = RetrainRun.Settings()
        settings.training.hiddenSize = 8
        settings.training.epochs = 6
        settings.rules.minSessions = 50
        settings.rules.minBuyers = 10
        settings.rules.maxECE = 0.2
        settings.rules.maxBias = 0.5
        return settings
    }

    @Test func theFirstModelIsPromotedAndAnEqualOneIsKeptAside() async throws {
        let place = Place()
        let directory = try await place.open()
        _ = try await directory.log.append(Self.rows(0..<1_500, name: "past"), ofReplay: "past")
        try await directory.log.endReplay("past")
        let run = RetrainRun(settings: Self.settings, registry: place.registry, now: { 7 })
        let first = try await run.run(directory.log)
        #expect(first.exit == .promoted, "\(first.reason)")
        #expect(try place.registry.championNumber() == 1)
        let entry = try place.registry.entry(1)
        #expect(entry.verdict?.promote == true && entry.report != nil && entry.created == 7)
        let second = try await run.run(directory.log)
        #expect(second.exit == .keptAside, "\(second.reason)")
        #expect(try place.registry.championNumber() == 1)
        #expect(try place.registry.numbers() == [1, 2])
        await directory.close()
    }

    @Test func tooLittleDataIsAResultOfItsOwn() async throws {
        let place = Place()
        let directory = try await place.open()
        _ = try await directory.log.append(Self.rows(0..<20, name: "past"), ofReplay: "past")
        let result = try await RetrainRun(settings: Self.settings, registry: place.registry, now: { 0 })
            .run(directory.log)
        #expect(result.exit == .notEnoughData)
        #expect(result.reason.contains("at least 200"))
        #expect(try place.registry.numbers().isEmpty)
        await directory.close()
    }

    @Test func openSessionsAndOtherTimelinesAreNoExamples() async throws {
        let place = Place()
        let directory = try await place.open()
        _ = try await directory.log.append(Self.rows(0..<30, name: "one"), ofReplay: "one")
        _ = try await directory.log.append(Self.rows(0..<20, name: "two"), ofReplay: "two")
        try await directory.log.endReplay("two")
        var all = TrainingSet(limit: 1_000)
        try await all.read(directory.log)
        // The last session of the replay that has no end is still open.
        #expect(all.sessions().count == 29 + 20)
        var two = TrainingSet(timelines: .init(name: "two"), limit: 1_000)
        try await two.read(directory.log)
        #expect(two.sessions().count == 20)
        #expect(two.sessions().allSatisfy { $0.steps.allSatisfy { $0.kind != .purchase } })
        var newest = TrainingSet(timelines: .init(name: "two"), limit: 5)
        try await newest.read(directory.log)
        #expect(newest.sessions() == Array(two.sessions().suffix(5)))
        await directory.close()
    }
}
