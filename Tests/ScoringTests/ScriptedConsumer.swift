import EventLog
import Synchronization

/// A consumer that plays a script, and says what it was asked to do in which order.
final class ScriptedConsumer: EventConsumer {
    enum Call: Equatable {
        case begin(partition: Int, at: Int64)
        case commit([ScoredBatch])
        case release([Int])
        case rejoin
    }

    private struct State {
        var events: [ConsumerEvent]
        var failures: [EventLogError]
        var rejoinFailures: [EventLogError]
        var calls: [Call] = []
        var isClosed = false
        /// How often records were asked for.
        var asked = 0
        /// The first commit, while it waits.
        var held: CheckedContinuation<Void, Never>?
    }

    /// The first commit ends only when records have been asked for so many times; 0 where commits do not wait, and
    /// nothing may be asked for beside them.
    private let holdsCommitUntilAsked: Int
    private let whileCommitting: @Sendable () -> Void
    private let state: Mutex<State>
    /// Finishes when the script is played out: from then on nothing new comes.
    let playedOut: AsyncStream<Void>
    private let ending: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - holdsCommitUntilAsked: the first commit ends only when records have been asked for so many times.
    ///   - whileCommitting: is called in every commit.
    ///   - failures: what the first commits fail with.
    ///   - rejoinFailures: what the first attempts to join anew fail with.
    init(
        _ events: [ConsumerEvent], holdsCommitUntilAsked: Int = 0,
        whileCommitting: @escaping @Sendable () -> Void = {}, failures: [EventLogError] = [],
        rejoinFailures: [EventLogError] = []
    ) {
        self.whileCommitting = whileCommitting
        self.holdsCommitUntilAsked = holdsCommitUntilAsked
        state = Mutex(State(events: events, failures: failures, rejoinFailures: rejoinFailures))
        (playedOut, ending) = AsyncStream.makeStream()
    }

    var readsDuringCommit: Bool { holdsCommitUntilAsked > 0 }
    var isClosed: Bool { state.withLock { $0.isClosed } }
    var calls: [Call] { state.withLock { $0.calls } }

    func next(limit: Int, wait: Duration) async throws(EventLogError) -> ConsumerEvent {
        let released = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.asked += 1
            guard state.asked >= holdsCommitUntilAsked else { return nil }
            defer { state.held = nil }
            return state.held
        }
        released?.resume()
        if let event = state.withLock({ $0.events.isEmpty ? nil : $0.events.removeFirst() }) { return event }
        ending.finish()
        await Task.yield()
        return .idle
    }

    func begin(partition: Int, at offset: Int64) async throws(EventLogError) {
        state.withLock { $0.calls.append(.begin(partition: partition, at: offset)) }
    }

    func commit(_ batches: [ScoredBatch]) async throws(EventLogError) {
        whileCommitting()
        await withCheckedContinuation { commit in
            let waits = state.withLock { state in
                state.calls.append(.commit(batches))
                guard state.asked < holdsCommitUntilAsked else { return false }
                state.held = commit
                return true
            }
            if !waits { commit.resume() }
        }
        let failure = state.withLock { state in
            return state.failures.isEmpty ? nil : state.failures.removeFirst()
        }
        if let failure { throw failure }
    }

    func release(_ partitions: [Int]) async throws(EventLogError) {
        state.withLock { $0.calls.append(.release(partitions)) }
    }

    func rejoin() async throws(EventLogError) {
        let failure = state.withLock { state in
            state.calls.append(.rejoin)
            return state.rejoinFailures.isEmpty ? nil : state.rejoinFailures.removeFirst()
        }
        if let failure { throw failure }
    }

    /// The script is played out: what it gave is everything.
    func isCaughtUp(_ partition: Int) -> Bool { state.withLock { $0.events.isEmpty } }

    func close() async { state.withLock { $0.isClosed = true } }
}
