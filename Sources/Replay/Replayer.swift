import EventLog
import Events
public import Logging

/// CSV → log.
///
///     read once ─▶ digest = name, order ─▶ sort what is not in order ─▶ number ─▶ pace ─▶ send, batch by batch ─▶ end
///
/// Rows are numbered in time order, rows of equal time in the file's order, rows that cannot be used among them. The
/// log keeps the number of the last one in the transaction that stores it: so a replay that is interrupted anywhere,
/// by a `kill -9` too, goes on where it stopped when it is run again, and one that is complete changes nothing. In
/// live mode there is no such mark: rows that are sent again are recognised by their ids, for as long as the log
/// remembers them.
public struct Replayer: Sendable {
    private let options: ReplayOptions
    private let sink: any ReplaySink
    private let logger: Logger
    private let clock: ReplayClock
    private let files: TemporaryFiles
    private static let maxRepetitions = 1_000

    public init(options: ReplayOptions, sink: any ReplaySink, logger: Logger, clock: ReplayClock = .system) {
        self.init(
            options: options, sink: sink, logger: logger, clock: clock,
            files: TemporaryFiles(directory: options.temporaryDirectory))
    }

    package init(
        options: ReplayOptions, sink: any ReplaySink, logger: Logger, clock: ReplayClock, files: TemporaryFiles
    ) {
        self.options = options
        self.sink = sink
        self.logger = logger
        self.clock = clock
        self.files = files
    }

    /// Replays a whole input.
    ///
    /// - Parameter progress: called often, from any thread.
    /// - Throws: why it ended early; `cancelled` where the task was. Rows that were stored stay.
    public func run(
        _ input: ReplayInput, progress: @escaping @Sendable (ReplayProgress) -> Void = { _ in }
    ) async throws(ReplayError) -> ReplayResult {
        if let name = options.name { try Self.check(name) }
        let producer = RowProducer(
            input, mapping: options.mapping, memory_bytes: options.memory_bytes, files: files, now: clock.now)
        let survey = try await producer.survey(progress)
        let name = try await name(options.name ?? survey.digest)
        @Sendable func report(_ counts: ReplayCounts, waiting: Duration?) {
            progress(
                ReplayProgress(
                    phase: .sending, done: Int64(counts.rows), total: survey.rows, counts: counts, waiting: waiting))
        }
        var sender = Sender(
            sink: sink, name: name, options: options, clock: clock, logger: logger,
            pausing: { report($0, waiting: $1) })
        if options.mode == .replay { try await resume(producer, survey, &sender, report) }

        let plan = RowProducer.Plan(name: name, mode: options.mode, speed: options.speed, limits: sink.limits)
        var next = try await producer.next(plan).get()
        while let batch = next {
            // The next batch is made while this one is sent.
            async let following = producer.next(plan)
            try await send(batch, &sender, report)
            next = try await following.get()
        }
        let isComplete = options.mode == .replay && !options.keepsOpen && survey.rows > 0
        if isComplete { try await sender.end() }
        return ReplayResult(
            name: name, counts: sender.counts, problems: sender.problems, span: survey.span, ended: isComplete,
            retries: sender.retries, spilled_bytes: survey.spilled_bytes)
    }

    /// The name itself, or with `again` the first of NAME, NAME.2, NAME.3… under which no replay is complete.
    private func name(_ name: String) async throws(ReplayError) -> String {
        guard options.again, options.mode == .replay else { return name }
        for number in 1...Self.maxRepetitions {
            let candidate = number == 1 ? name : "\(name).\(number)"
            try Self.check(candidate)
            var sender = Sender(sink: sink, name: candidate, options: options, clock: clock, logger: logger) { _, _ in }
            if try await sender.mark()?.ended != true { return candidate }
        }
        throw .name(name, reason: "it was replayed \(Self.maxRepetitions) times; choose another one with --name")
    }

    /// Passes over the rows that the log has already.
    private func resume(
        _ producer: RowProducer, _ survey: RowProducer.Survey, _ sender: inout Sender,
        _ report: @Sendable (ReplayCounts, Duration?) -> Void
    ) async throws(ReplayError) {
        guard let lastRow = try await sender.mark()?.lastRow else { return }
        guard lastRow <= survey.rows else {
            throw .otherFile(name: sender.name, lastRow: lastRow, rows: survey.rows)
        }
        while sender.counts.duplicates < Int(lastRow) {
            let behind = try await producer.skip(to: lastRow, limit: 50_000)
            sender.countSkipped(Int(behind) - sender.counts.duplicates)
            report(sender.counts, nil)
        }
    }

    /// Sends each row of a batch when it is due.
    private func send(
        _ batch: Batch, _ sender: inout Sender, _ report: @Sendable (ReplayCounts, Duration?) -> Void
    ) async throws(ReplayError) {
        var batch = batch
        while let due = batch.dues.first {
            let now = clock.now()
            let count = batch.dueCount(at: now)
            if count == 0 {
                let wait = Duration.milliseconds(due - now)
                report(sender.counts, wait)
                try await clock.pause(wait)
                continue
            }
            if Task.isCancelled { throw .cancelled }
            try await sender.send(batch.removeFirst(count))
            report(sender.counts, nil)
        }
    }

    /// - Throws: `.name` where it is none.
    static func check(_ name: String) throws(ReplayError) {
        if name == Timeline.live.name { throw .name(name, reason: "live events have that one") }
        guard 1...EventLimits.timelineBytes ~= name.utf8.count else {
            throw .name(name, reason: "it has 1 to \(EventLimits.timelineBytes) bytes")
        }
        guard !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw .name(name, reason: "it must not hold control characters")
        }
    }
}
