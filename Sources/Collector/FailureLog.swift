import EventLog
import Logging
import Synchronization

/// Says in our own log why the events log refused, in full and seldom: a broken disk must not fill what is left of it
/// with one line a request.
final class FailureLog: Sendable {
    private struct State {
        var lastTime: Int64?
        var passedOver = 0
    }

    private static let interval_ms: Int64 = 10_000

    private let logger: Logger
    private let now: @Sendable () -> Int64
    private let state = Mutex(State())

    init(logger: Logger, now: @escaping @Sendable () -> Int64) {
        self.logger = logger
        self.now = now
    }

    /// What the sender is told of it.
    func note(_ error: EventLogError) -> CollectorError {
        // A gap is the sender's, and it is told.
        if case .replayGap = error { return CollectorError(error) }
        let time = now()
        let passedOver: Int? = state.withLock { state in
            if let last = state.lastTime, (last..<last + Self.interval_ms).contains(time) {
                state.passedOver += 1
                return nil
            }
            defer { state = State(lastTime: time) }
            return state.passedOver
        }
        if let passedOver {
            logger.error("the log takes no events: \(error)", metadata: ["passed_over": "\(passedOver)"])
        }
        return CollectorError(error)
    }
}
