import EmbeddedLog
import LogContract
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
        let data = try await directory.open(partitions: 3, limits: limits)
        return LogFixture(
            log: data.log, outputs: data.outputs,
            makeConsumer: { data.makeConsumer() },
            makeRival: { data.makeConsumer() },
            restart: {
                await data.close()
                return try await fixture(directory)
            },
            stall: {
                let lock = try WriteLock(of: directory.events)
                return { try lock.release() }
            },
            maxWaitingRecords: limits.waitingRecords, offsetsAreDense: true, duplicatesAreRecognised: true,
            close: { await data.close() })
    }
}
