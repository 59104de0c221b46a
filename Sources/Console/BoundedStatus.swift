/// The state of the process, asked for once at a time and waited for no longer than the asker can wait: a log whose
/// brokers are away answers late, and whoever looks at this process then must not hang with it.
actor BoundedStatus {
    struct Late: Error {}

    private let ask: @Sendable () async throws -> StatusReport
    private var asking: Task<StatusReport, any Error>?

    init(_ ask: @escaping @Sendable () async throws -> StatusReport) { self.ask = ask }

    /// - Throws: `Late` where there is no answer in time; the question stays open for the next asker.
    func report(within limit: Duration) async throws -> StatusReport {
        let question = asking ?? Task { [ask] in try await ask() }
        asking = question
        let (answers, answer) = AsyncStream<Result<StatusReport, any Error>>.makeStream(
            bufferingPolicy: .bufferingOldest(1))
        Task {
            answer.yield(await question.result)
            answered(question)
        }
        let timer = Task {
            try await Task.sleep(for: limit)
            answer.finish()
        }
        defer { timer.cancel() }
        for await result in answers { return try result.get() }
        throw Late()
    }

    private func answered(_ question: Task<StatusReport, any Error>) {
        if asking == question { asking = nil }
    }
}
