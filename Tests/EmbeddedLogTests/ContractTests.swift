import EmbeddedLog
import EventLog
import Foundation
import GRDB
import LogContract
import Logging
import Testing

/// The embedded log keeps what every log promises.
struct ContractTests {
    @Test(arguments: LogContract.all)
    func keepsTheContract(_ trial: LogContract.Trial) async throws {
        let directory = try TemporaryDirectory()
        try await trial.run { try await Self.fixture(directory) }
    }

    private static func fixture(_ directory: TemporaryDirectory) async throws -> LogFixture {
        var limits = EmbeddedLimits()
        limits.waitingRecords = 1_000
        let data = try await DataDirectory.open(
            directory.path, partitions: 3, limits: limits, logger: quiet, now: wallClock)
        return LogFixture(
            log: data.log, outputs: data.outputs,
            makeConsumer: { data.makeConsumer() },
            makeRival: { data.makeConsumer() },
            restart: {
                await data.close()
                return try await fixture(directory)
            },
            stall: {
                let writer = try WriteLock(of: directory.path + "/events.sqlite")
                return { try writer.release() }
            },
            maxWaitingRecords: limits.waitingRecords, offsetsAreDense: true, duplicatesAreRecognised: true,
            close: { await data.close() })
    }
}

/// Another writer of an SQLite file, whose transaction keeps everybody else's from beginning.
final class WriteLock: Sendable {
    private let database: DatabaseQueue

    init(of path: String) throws {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        database = try DatabaseQueue(path: path, configuration: configuration)
        try database.inDatabase { try $0.beginTransaction(.immediate) }
    }

    func release() throws { try database.inDatabase { try $0.rollback() } }
}

let wallClock: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1_000) }

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
