public import EventLog
public import Logging

/// Log → log: the live events of one log become a named replay on another, so that a shop which changes its log takes
/// its history along.
///
/// Rows are numbered in the order of the source's append times, so an interrupted move goes on where it stopped, as a
/// replay of a file does. What the source takes up while it is read is left for the next run.
public struct LogReplayer: Sendable {
    private let source: any EventLog
    private let sink: any ReplaySink
    private let options: ReplayOptions
    private let logger: Logger
    private let clock: ReplayClock

    /// - Parameter options: `name` must be given; mode, speed and what concerns sorting are not used.
    public init(
        source: any EventLog, sink: any ReplaySink, options: ReplayOptions, logger: Logger,
        clock: ReplayClock = .system
    ) {
        self.source = source
        self.sink = sink
        self.options = options
        self.logger = logger
        self.clock = clock
    }

    /// Moves everything that is on the source now.
    ///
    /// - Parameter progress: called often, from any thread. `done` and `total` count the source's records.
    /// - Throws: why it ended early; rows that were stored stay.
    public func run(
        progress: @escaping @Sendable (ReplayProgress) -> Void = { _ in }
    ) async throws(ReplayError) -> ReplayResult {
        let name = options.name ?? ""
        try Replayer.check(name)
        var rows = try await LogRows(source, replay: name, now: clock.now)
        let total = rows.total
        var sender = Sender(sink: sink, name: name, options: options, clock: clock, logger: logger) { counts, wait in
            progress(
                ReplayProgress(
                    phase: .sending, done: Int64(counts.rows), total: total, counts: counts, waiting: wait))
        }
        let last = try await sender.mark()?.lastRow ?? 0
        var first: Int64?
        var newest: Int64?
        while let batch = try await rows.next(sink.limits) {
            if Task.isCancelled { throw .cancelled }
            for case .event(let time) in batch.times {
                first = min(first ?? time, time)
                newest = max(newest ?? time, time)
            }
            var toSend = batch.batch
            let known = Int(max(0, min(Int64(toSend.rows.count), last - (toSend.rows[0].number - 1))))
            if known > 0 {
                _ = toSend.removeFirst(known)
                sender.countSkipped(known)
            }
            if !toSend.isEmpty { try await sender.send(toSend) }
            progress(ReplayProgress(phase: .sending, done: rows.done, total: total, counts: sender.counts))
        }
        guard sender.counts.rows >= Int(last) else {
            throw .otherFile(name: name, lastRow: last, rows: Int64(sender.counts.rows))
        }
        let ends = sender.counts.rows > 0 && !options.keepsOpen
        if ends { try await sender.end() }
        return ReplayResult(
            name: name, counts: sender.counts, problems: sender.problems,
            span: first.flatMap { first in newest.map { first...$0 } }, ended: ends, retries: sender.retries,
            spilled_bytes: 0)
    }
}
