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
    static func events(_ sessions: Range<Int>) -> [Event] {
        sessions.flatMap { session in
            let buys = session % 4 == 0
            let kinds: [EventKind] = [.pageview, buys ? .detail : .search, buys ? .add : .pageview]
            return (buys ? kinds + [.purchase] : kinds).enumerated().map { index, kind in
                Event(
                    id: "\(session)-\(index)", session: "s\(session)", kind: kind,
                    timestamp: 1_767_225_600_000 + Int64(session) * 3_600_000 + Int64(index) * 10_000)
            }
        }
    }

    private static func rows(_ sessions: Range<Int>, name: String) -> [ReplayRow] {
        events(sessions).enumerated().map { index, event in
            ReplayRow(
                number: Int64(index) + 1,
                content: .event(
                    NewRecord(
                        key: event.sessionKey, value: RecordCoder.encode(event, timeline: .replay(name), received: 0),
                        identity: event.identity)))
        }
    }

    static var settings: RetrainRun.Settings {
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

    /// A log that is read only: fifteen hundred sessions of which a quarter buy.
    private static func past(_ sessions: Range<Int> = 0..<1_500) -> MemoryLog {
        MemoryLog(partitions: [MemoryLog.partition(events(sessions), replay: "past", ended: true)])
    }

    private func run(
        _ place: Place, _ settings: RetrainRun.Settings = Self.settings, over log: MemoryLog = Self.past(),
        progress: (RetrainRun.Progress) -> Void = { _ in }
    ) async throws -> RetrainRun.Result {
        try await RetrainRun(settings: settings, registry: place.registry, now: { 7 }).run(log, progress: progress)
    }

    @Test func equalLogsGiveEqualModels() async throws {
        let (one, other) = (Place(), Place())
        #expect(try await run(one).exit == .promoted)
        #expect(try await run(other).exit == .promoted)
        #expect(try one.registry.load(1).serialized() == other.registry.load(1).serialized())
    }

    @Test func oneRunGoesAtATime() async throws {
        let place = Place()
        let lock = try #require(try place.registry.tryLock("retrain.lock"))
        let result = try await run(place)
        #expect(result.exit == .busy && result.number == nil)
        #expect(result.reason.contains(place.registry.directory))
        withExtendedLifetime(lock) {}
        #expect(try place.registry.numbers().isEmpty)
    }

    @Test func theLockIsGivenBackHoweverARunEnds() async throws {
        let place = Place()
        #expect(try await run(place, over: Self.past(0..<20)).exit == .notEnoughData)
        await #expect(throws: TrainingError.self) {
            var settings = Self.settings
            settings.training.epochs = 0
            _ = try await run(place, settings)
        }
        #expect(try await run(place).exit == .promoted)
    }

    /// A champion that has seen everything there is leaves nothing to be judged on.
    @Test func whatTheChampionHasSeenIsNoJudge() async throws {
        let place = Place()
        #expect(try await run(place).exit == .promoted)
        let first = try place.registry.load(1)
        var metadata = first.metadata
        metadata.trainedThrough = .max
        let omniscient = IntentModel(
            encoder: first.encoder, weights: first.weights, calibration: first.calibration, metadata: metadata)
        let number = try place.registry.add(omniscient, origin: .imported, time: 0).number
        try place.registry.promote(number, by: .promote, reason: "", time: 0)
        let result = try await run(place)
        #expect(result.exit == .keptAside)
        #expect(result.reason == "only 0 unseen sessions with 0 buyers, 50 with 10 are needed")
        #expect(try place.registry.championNumber() == number)
        #expect(try place.registry.entry(3).verdict == result.verdict)
    }

    @Test func aBetterChallengerReplacesABadChampion() async throws {
        let place = Place()
        #expect(try await run(place).exit == .promoted)
        let first = try place.registry.load(1)
        let bad = IntentModel(
            encoder: first.encoder, weights: first.weights, calibration: Calibration(slope: 0.1, offset: 0),
            metadata: first.metadata)
        try place.registry.promote(
            place.registry.add(bad, origin: .imported, time: 0).number, by: .promote, reason: "", time: 0)
        let result = try await run(place)
        #expect(result.exit == .promoted, "\(result.reason)")
        #expect(result.reason.contains("better than the champion's"))
        #expect(try place.registry.history().last?.from == 2)
        #expect(try place.registry.championNumber() == 3)
    }

    @Test func aChampionChosenDuringTheRunStays() async throws {
        let place = Place()
        #expect(try await run(place).exit == .promoted)
        let first = try place.registry.load(1)
        try place.registry.add(first, origin: .imported, time: 0)
        let bad = IntentModel(
            encoder: first.encoder, weights: first.weights, calibration: Calibration(slope: 0.1, offset: 0),
            metadata: first.metadata)
        let number = try place.registry.add(bad, origin: .imported, time: 0).number
        try place.registry.promote(number, by: .promote, reason: "", time: 0)
        let result = try await run(place) { progress in
            guard case .judging = progress else { return }
            try? place.registry.promote(2, by: .promote, reason: "in the meantime", time: 0)
        }
        #expect(result.exit == .keptAside)
        #expect(result.reason.contains("the champion was changed during the run; against model 3"))
        #expect(try place.registry.championNumber() == 2)
    }

    @Test func aDamagedChampionIsNamedBeforeTheWork() async throws {
        let place = Place()
        #expect(try await run(place).exit == .promoted)
        let path = place.registry.directory + "/000001.model"
        try Data(Data(contentsOf: URL(filePath: path)).dropLast(1)).write(to: URL(filePath: path))
        var worked = false
        let error = await #expect(throws: RegistryError.self) {
            _ = try await run(place) { _ in worked = true }
        }
        #expect(error?.description.contains("000001.model is cut short") == true)
        #expect(!worked)
    }

    @Test(arguments: [true, false])
    func aCancelledRunChangesNothing(whileReading: Bool) async throws {
        let place = Place()
        let run = RetrainRun(settings: Self.settings, registry: place.registry, now: { 7 })
        let task = Task {
            try await run.run(Self.past()) { progress in
                switch progress {
                case .reading: if whileReading { withUnsafeCurrentTask { $0?.cancel() } }
                case .training: if !whileReading { withUnsafeCurrentTask { $0?.cancel() } }
                case .judging: Issue.record("a cancelled run judges")
                }
            }
        }
        await #expect(throws: CancellationError.self) { _ = try await task.value }
        #expect(try place.registry.numbers().isEmpty)
        #expect(try await run.run(Self.past()).exit == .promoted)
    }
}
