import EventLog
import Logging
import ServiceLifecycle

extension ScoringService {
    /// Keeps records that cannot be folded in `rejected`, before the commit that passes them over: at least once. After
    /// a commit that never came they are folded, and kept, again; partition and offset tell the copies apart.
    func keep(_ unusable: [RejectedRecord]) async throws {
        guard !unusable.isEmpty else { return }
        for attempt in 1... {
            do throws(EventLogError) {
                try await log.reject(unusable)
                break
            } catch {
                guard Self.isPassing(error), attempt < settings.commitAttempts, !Task.isShuttingDownGracefully else {
                    throw error
                }
                logger.warning("unusable records cannot be kept in rejected yet, trying again: \(error)")
            }
            let delay = settings.commitRetryDelay
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: delay) }
            try Task.checkCancellation()
        }
        if let first = unusable.first {
            logger.warning(
                "\(unusable.count) records of the log cannot be used, the first \(first.source): \(first.reason)")
        }
    }

    private static func isPassing(_ error: EventLogError) -> Bool {
        switch error {
        case .overloaded, .failed: true
        default: false
        }
    }
}
