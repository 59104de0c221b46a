import EmbeddedLog
import EventLog
import Testing

/// A cancelled task gets short answers, and what it breaks off harms nobody else.
struct CancellationTests {
    /// Runs `body` in a task that is cancelled before it begins.
    private func cancelled<R: Sendable>(_ body: @escaping @Sendable () async throws -> R) async throws -> R {
        try await Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await body()
        }.value
    }

    @Test func aCancelledTaskGetsAnswers() async throws {
        let directory = try TemporaryDirectory()
        let data = try await directory.open()
        let log = data.log
        let outputs = data.outputs
        let verdicts = try await cancelled { try await log.append([record(1)]) }
        #expect(verdicts == [.stored(Location(partition: 0, offset: 0))])
        #expect(try await cancelled { try await log.bounds(partition: 0) } == 0..<1)
        #expect(try await cancelled { try await log.firstOffset(partition: 0, atOrAfter: 0) } == 0)
        #expect(try await cancelled { try await log.replayMark("june") } == nil)
        #expect(try await cancelled { try await log.rejectedCount() } == 0)
        #expect(try await cancelled { try await log.rejected(from: 0, limit: 1) } == [])
        #expect(try await cancelled { try await outputs.bounds(.scores, partition: 0) } == 0..<0)
        #expect(try await cancelled { try await outputs.position(partition: 0) } == nil)
        await data.close()
    }
}
