import EmbeddedLog
import LogContract
import SpooledLog
import Testing

/// With a spool before it, the embedded log keeps what every log promises.
struct ContractTests {
    @Test(arguments: LogContract.all)
    func keepsTheContract(_ trial: LogContract.Trial) async throws {
        let directory = try TemporaryDirectory()
        try await trial.run { try await Self.fixture(directory) }
    }

    private static func fixture(_ directory: TemporaryDirectory) async throws -> LogFixture {
        let data = try await DataDirectory.open(
            directory.path + "/data", partitions: 3, logger: quiet, now: wallClock)
        let spooled = try await SpooledLog.open(
            over: data.log, SpoolSettings(directory: directory.path + "/spool", maxBytes: 1 << 20), logger: quiet,
            now: wallClock)
        @Sendable func close() async {
            await spooled.close()
            await data.close()
        }
        return LogFixture(
            log: spooled, outputs: data.outputs,
            makeConsumer: { data.makeConsumer() },
            makeRival: { data.makeConsumer() },
            restart: {
                await close()
                return try await fixture(directory)
            },
            maxWaitingRecords: 1_000, offsetsAreDense: true, duplicatesAreRecognised: true, close: close)
    }
}
