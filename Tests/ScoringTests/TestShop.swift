import EmbeddedLog
import EventLog
import Events
import FoundationEssentials
import Logging
import Scoring
import Sessions
import Synchronization

/// Time that stands still until it is moved.
final class ManualTime: Sendable {
    private let time: Mutex<Int64>

    init(_ time: Int64 = 1_700_000_000_000) { self.time = Mutex(time) }

    var now: Int64 { time.withLock { $0 } }

    func advance(by milliseconds: Int64) { time.withLock { $0 += milliseconds } }
}

/// SplitMix64: the same numbers in every run.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

extension Logger {
    /// Says nothing: tests that fail on purpose must not look like trouble.
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// An empty directory that is removed at the end.
func withTemporaryDirectory<R>(_ body: (String) async throws -> R) async throws -> R {
    let path = FileManager.default.temporaryDirectory.path + "/dinghy-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

/// A real embedded log in a temporary directory, which is closed and removed at the end.
func withShop<R>(
    partitions: Int = 1, retention: RetentionSettings? = nil, _ body: (TestShop) async throws -> R
) async throws -> R {
    try await withTemporaryDirectory { path in
        let shop = try await TestShop(path: path, partitions: partitions, time: ManualTime(), retention: retention)
        let result = try await body(shop)
        await shop.data.close()
        return result
    }
}

struct TestShop: Sendable {
    let data: DataDirectory
    let time: ManualTime

    init(path: String, partitions: Int, time: ManualTime, retention: RetentionSettings? = nil) async throws {
        self.time = time
        data = try await DataDirectory.open(
            path, partitions: partitions, retention: retention, logger: .silent
        ) { time.now }
    }

    /// Appends live events, whatever their ids.
    func append(_ events: [Event]) async throws {
        try await append(
            events.map { RecordCoder.encode($0, timeline: .live, received: time.now) }, keys: events.map(\.sessionKey))
    }

    func append(_ values: [[UInt8]], keys: [String]) async throws {
        // Every record has an identity of its own, so that what the fold makes of a repeated id can be tried.
        let records = zip(values, keys).map {
            NewRecord(key: $1, value: $0, identity: UInt64.random(in: 1 ... .max))
        }
        let verdicts = try await data.log.append(records)
        precondition(verdicts.allSatisfy { $0 != .duplicate }, "TestShop.append: two identities fell together")
    }

    func replay(_ events: [Event], as name: String) async throws {
        let rows = events.enumerated().map { index, event in
            ReplayRow(
                number: Int64(index + 1),
                content: .event(
                    NewRecord(
                        key: event.sessionKey,
                        value: RecordCoder.encode(event, timeline: .replay(name), received: time.now), identity: 0)))
        }
        _ = try await data.log.append(rows, ofReplay: name)
    }

    // MARK: Scoring

    func service(
        status: ScoringStatus = ScoringStatus(), settings: ScoringService.Settings = .test,
        champion: @escaping @Sendable (Int?) async -> NumberedModel?
    ) -> ScoringService {
        ScoringService(
            log: data.log, consumer: data.makeConsumer(), status: status, settings: settings, logger: .silent,
            now: { [time] in time.now }, champion: champion)
    }

    /// Runs scoring while the body runs.
    func scoring<R: Sendable>(
        settings: ScoringService.Settings = .test,
        champion: @escaping @Sendable (Int?) async -> NumberedModel? = { _ in nil },
        _ body: (ScoringStatus) async throws -> R
    ) async throws -> R {
        let status = ScoringStatus()
        let service = service(status: status, settings: settings, champion: champion)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            let result = try await body(status)
            group.cancelAll()
            try await group.waitForAll()
            return result
        }
    }

    /// Runs scoring until everything that the log holds is committed.
    func scoreEverything(
        settings: ScoringService.Settings = .test,
        champion: @escaping @Sendable (Int?) async -> NumberedModel? = { _ in nil }
    ) async throws {
        try await scoring(settings: settings, champion: champion) { _ in try await committed() }
    }

    // MARK: Looking

    func position(_ partition: Int = 0) async throws -> Position? {
        try await data.outputs.position(partition: partition).map { try Position(decoding: $0) }
    }

    /// Waits until everything that the log holds now is committed.
    func committed() async throws {
        for partition in 0..<data.log.partitionCount {
            let end = try await data.log.bounds(partition: partition).upperBound
            if end > 0 { try await until { try await position(partition)?.next ?? 0 >= end } }
        }
    }

    /// Waits until a condition holds, looking again whenever something is committed.
    func until(_ condition: () async throws -> Bool) async throws {
        let end = try await data.outputs.bounds(.scores, partition: 0).upperBound
        let reader = try await data.outputs.reader(.scores, partition: 0, from: end)
        while try await !condition() {
            try Task.checkCancellation()
            _ = try await reader.next(limit: 1, wait: .milliseconds(20))
        }
    }

    func scores() async throws -> [ScoreRecord] {
        try await values(.scores).map { try ScoreRecord(decoding: $0) }
    }

    func outcomes() async throws -> [OutcomeRecord] {
        try await values(.outcomes).map { try OutcomeRecord(decoding: $0) }
    }

    private func values(_ stream: OutputStream) async throws -> [[UInt8]] {
        var values: [[UInt8]] = []
        for partition in 0..<data.outputs.partitionCount {
            let reader = try await data.outputs.reader(stream, partition: partition, from: 0)
            while case let records = try await reader.next(limit: 1_000, wait: .zero), !records.isEmpty {
                values += records.map(\.value)
            }
        }
        return values
    }

    /// What the log holds of a partition.
    func records(_ partition: Int = 0) async throws -> [StoredRecord] {
        try await data.log.reader(partition: partition, from: 0).next(limit: 1_000_000, wait: .zero)
    }
}

extension ScoringService.Settings {
    /// Small batches, and no pauses that a test would have to wait for.
    static var test: Self {
        var settings = Self()
        settings.batch = 50
        settings.championInterval = .zero
        settings.commitRetryDelay = .zero
        settings.tickInterval = .zero
        settings.rejoinDelay = .zero
        return settings
    }
}
