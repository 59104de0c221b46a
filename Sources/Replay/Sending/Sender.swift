import EventLog
import Logging

/// Sends rows until they are taken, and keeps the accounts.
///
/// What is sent again after an answer was lost may come back as duplicates although this very replay stored it: such
/// rows lie above the mark that was read at the start, and count as what they are.
struct Sender {
    let sink: any ReplaySink
    let name: String
    let mode: ReplayOptions.Mode
    let patience: Duration
    let clock: ReplayClock
    let logger: Logger
    /// Called before every pause.
    let pausing: @Sendable (ReplayCounts, Duration) -> Void
    private(set) var counts = ReplayCounts()
    private(set) var problems: [RowProblem] = []
    private(set) var retries = 0
    /// When what is being sent was sent first; `nil` once something of it has got through.
    private var stuckSince: Int64?
    private var pauses = 0

    init(
        sink: any ReplaySink, name: String, options: ReplayOptions, clock: ReplayClock, logger: Logger,
        pausing: @escaping @Sendable (ReplayCounts, Duration) -> Void
    ) {
        self.sink = sink
        self.name = name
        mode = options.mode
        patience = options.patience
        self.clock = clock
        self.logger = logger
        self.pausing = pausing
    }

    mutating func mark() async throws(ReplayError) -> ReplayMark? {
        let (sink, name) = (sink, name)
        let mark = try await untilTaken { () throws(SinkError) in try await sink.mark(of: name) }.value
        gotThrough()
        return mark
    }

    mutating func end() async throws(ReplayError) {
        let (sink, name) = (sink, name)
        _ = try await untilTaken { () throws(SinkError) in try await sink.end(name) }
        gotThrough()
    }

    /// Rows that were passed over because the mark lies behind them.
    mutating func countSkipped(_ rows: Int) { counts.duplicates += rows }

    mutating func send(_ batch: Batch) async throws(ReplayError) {
        switch mode {
        case .replay: try await sendReplay(batch)
        case .live: try await sendLive(batch)
        }
    }

    private mutating func sendReplay(_ batch: Batch) async throws(ReplayError) {
        let (sink, name) = (sink, name)
        let (appended, wasUnanswered) = try await untilTaken { () throws(SinkError) in
            try await sink.append(batch.rows, ofReplay: name)
        }
        gotThrough()
        let duplicates = wasUnanswered ? 0 : appended.duplicates
        counts.duplicates += duplicates
        for place in duplicates..<batch.rows.count {
            switch batch.rows[place].content {
            case .event: counts.stored += 1
            case .rejected(let record): reject(batch.lines[place], record.reason)
            }
        }
    }

    private mutating func sendLive(_ batch: Batch) async throws(ReplayError) {
        let sink = sink
        var rows = batch.rows
        var lines = batch.lines
        while true {
            let sent = rows
            let verdicts = try await untilTaken { () throws(SinkError) in try await sink.appendLive(sent) }.value
            precondition(verdicts.count == rows.count, "Sender.send: \(verdicts.count) verdicts on \(rows.count) rows")
            var again: [Int] = []
            for (place, verdict) in verdicts.enumerated() {
                switch verdict {
                case .stored: counts.stored += 1
                case .duplicate: counts.duplicates += 1
                case .rejected(let reason): reject(lines[place], reason)
                case .retry: again.append(place)
                }
            }
            if again.count < rows.count { gotThrough() }
            guard !again.isEmpty else { return }
            try await pause(.seconds(1), "the log has no room for \(again.count) events")
            rows = again.map { rows[$0] }
            lines = again.map { lines[$0] }
        }
    }

    private mutating func reject(_ line: Int, _ reason: String) {
        counts.rejected += 1
        guard problems.count < ReplayResult.maxProblems else { return }
        problems.append(RowProblem(line: line, reason: reason))
        logger.warning("line \(line) is rejected: \(reason)")
    }

    /// Repeats `work` until it is done; also says whether an answer was lost on the way.
    private mutating func untilTaken<Value: Sendable>(
        _ work: () async throws(SinkError) -> Value
    ) async throws(ReplayError) -> (value: Value, wasUnanswered: Bool) {
        var wasUnanswered = false
        if stuckSince == nil { stuckSince = clock.now() }
        while true {
            do throws(SinkError) {
                let value = try await work()
                return (value, wasUnanswered)
            } catch {
                switch error {
                case .refused(let reason): throw reason
                case .busy(let reason, let retryAfter): try await pause(retryAfter, reason)
                case .unanswered(let reason):
                    wasUnanswered = true
                    try await pause(.milliseconds(min(250 << min(pauses, 5), 5_000)), reason)
                }
            }
        }
    }
}

// Pauses.
extension Sender {
    /// Waits before the same rows are sent again; throws where that has been going on for too long.
    private mutating func pause(_ time: Duration, _ reason: String) async throws(ReplayError) {
        let now = clock.now()
        let stuck = Duration.milliseconds(now - (stuckSince ?? now))
        guard stuck < patience else { throw .stalled(reason: reason, after: stuck) }
        if pauses == 0 { logger.notice("waiting: \(reason)") }
        pauses += 1
        retries += 1
        pausing(counts, time)
        try await clock.pause(time)
    }

    private mutating func gotThrough() {
        stuckSince = nil
        pauses = 0
    }
}
