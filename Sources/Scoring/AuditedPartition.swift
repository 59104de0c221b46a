import EventLog
import Events
import Intent
import Sessions

/// One partition folded and scored once more, beside what was recorded of it.
struct AuditedPartition {
    let partition: Int
    /// The committed position: what lies before it is audited.
    let position: Position
    /// The first offset to be audited: where the accounting began, or the log where retention has passed that.
    let logStart: Int64
    /// Sessions that began before `logStart` and are not over yet.
    private var truncated: TruncatedSessions
    private var fold: SessionFold
    private var scores: RecordedOutputs<ScoreRecord>
    private var outcomes: RecordedOutputs<OutcomeRecord>
    private let offsetsCountScores: Bool
    private let model: @Sendable (Int) throws -> IntentModel
    private var scorer: SessionScorer?
    private var modelNumber: Int?
    private var missingModels: Set<Int> = []
    /// Events with a score record that is compared.
    private var scored: Int64 = 0
    /// Score records of sessions that are not.
    private var truncatedScores: Int64 = 0
    /// The first event after a scored one that has no score record: where a gap, if it is one, begins.
    private var firstGap: Int64?

    /// How long a reader may take to bring records that are there.
    static let readWait = Duration.seconds(5)

    init(
        partition: Int, position: Position, parameters: FoldParameters, events: any EventLog, outputs: any OutputLog,
        model: @escaping @Sendable (Int) throws -> IntentModel
    ) async throws {
        self.partition = partition
        self.position = position
        self.model = model
        offsetsCountScores = outputs.offsetsCountRecords && position.start == 0
        let lowerBound = try await events.bounds(partition: partition).lowerBound
        logStart = min(max(position.start, lowerBound), position.next)
        guard position.truncatedBefore <= logStart else {
            throw EventLogError.unusable(
                "partition \(partition): retention was faster than scoring, sessions that began before offset "
                    + "\(position.truncatedBefore) were scored without their beginning and cannot be audited; try again "
                    + "when retention has passed that")
        }
        fold = SessionFold(start: logStart, parameters: parameters)
        if logStart == 0 {
            truncated = TruncatedSessions()
            scores = try await RecordedOutputs(outputs, .scores, partition: partition)
            outcomes = try await RecordedOutputs(outputs, .outcomes, partition: partition)
        } else {
            // Outputs go later than their events.
            let firstScore = try await OutputSearch.first(
                .scores, ScoreRecord.self, in: outputs, partition, atOrAfter: logStart)
            let firstOutcome = try await OutputSearch.first(
                .outcomes, OutcomeRecord.self, in: outputs, partition, atOrAfter: logStart)
            truncated = try await TruncatedSessions(
                before: logStart, idleGap_ms: parameters.idleGap_ms,
                RecordedOutputs(outputs, .outcomes, partition: partition, from: firstOutcome))
            scores = try await RecordedOutputs(outputs, .scores, partition: partition, from: firstScore)
            outcomes = try await RecordedOutputs(outputs, .outcomes, partition: partition, from: firstOutcome)
        }
    }

    /// Records to audit.
    var records: Int64 { position.next - logStart }

    mutating func audit(
        _ events: any EventLog, _ outputs: any OutputLog, report: inout Audit.Report, progress: (Int64) -> Void
    ) async throws {
        let reader = try await events.reader(partition: partition, from: logStart)
        while fold.nextOffset < position.next {
            let limit = Int(min(4_000, position.next - fold.nextOffset))
            let records = try await reader.next(limit: limit, wait: Self.readWait)
            if records.isEmpty { break }
            for record in records where record.offset < position.next { try await audit(record, report: &report) }
            progress(fold.nextOffset - logStart)
        }
        if fold.nextOffset < position.next {
            report.add(partition, fold.nextOffset, "the log ends before the committed position \(position.next)")
        }
        // Scoring may have gone on meanwhile: what it committed since is not ours to judge.
        let latest = try await outputs.position(partition: partition).map { try Position(decoding: $0).next }
        try await rest(upTo: latest ?? position.next, report: &report)
        comparePosition(report: &report)
    }

    private mutating func audit(_ record: StoredRecord, report: inout Audit.Report) async throws {
        let entry = try? RecordCoder.decode(record.value)
        var closed: [ClosedSession] = []
        let outcome = fold.fold(offset: record.offset, time: record.time, entry: entry, scoring: false) {
            closed.append($0)
        }
        for session in closed { scorer?.free(slot: session.slot) }
        try await compare(closed, closedAt: record.offset, report: &report)
        if case .event(_, let timeline) = entry { truncated.fold(timeline, clock: fold.clock(of: timeline)) }
        if case .step(let slot) = outcome, case .event(let event, let timeline) = entry {
            try await compare(event, timeline, slot: slot, offset: record.offset, report: &report)
        }
    }

    // MARK: Outcomes

    private mutating func compare(
        _ closed: [ClosedSession], closedAt offset: Int64, report: inout Audit.Report
    ) async throws {
        var recorded: [OutcomeRecord] = []
        var ended: [OutcomeRecord] = []
        while let outcome = try await outcomes.peek(report: &report), outcome.offset <= offset {
            outcomes.pop()
            if truncated.contains(outcome.session) {
                report.truncated += 1
                ended.append(outcome)
            } else if outcome.offset == offset {
                recorded.append(outcome)
            } else {
                unexplained(outcome, report: &report)
            }
        }
        // What is left of a session without its beginning is none that was recorded.
        let closed = closed.filter { !truncated.end($0.session) }
        for outcome in ended { truncated.end(outcome) }
        let expected = closed.map { OutcomeRecord($0, partition: partition) }
        report.outcomes += expected.count
        guard recorded != expected else { return }
        var bySession = Dictionary(expected.map { ($0.session, $0) }, uniquingKeysWith: { first, _ in first })
        for outcome in recorded {
            guard let own = bySession.removeValue(forKey: outcome.session) else {
                unexplained(outcome, report: &report)
                continue
            }
            if outcome != own {
                report.add(
                    partition, offset,
                    "outcome recorded \(Self.text(outcome.encoded())), recomputed "
                        + Self.text(own.encoded()))
            }
        }
        for (own, closed) in zip(expected, closed) {
            guard let missing = bySession[own.session] else { continue }
            if truncated.mayBeMuted(closed.session) {
                report.outcomes -= 1
                report.truncated += 1
                continue
            }
            report.add(partition, offset, "an outcome is missing: \(Self.text(missing.encoded()))")
        }
    }

    private func unexplained(_ outcome: OutcomeRecord, report: inout Audit.Report) {
        if truncated.contains(outcome.session) {
            report.truncated += 1
            return
        }
        report.add(partition, outcome.offset, "an outcome of \(outcome.session) that no record explains")
    }

    // MARK: Scores

    private mutating func compare(
        _ event: Event, _ timeline: Timeline, slot: Int, offset: Int64, report: inout Audit.Report
    ) async throws {
        let recorded = try await recordedScore(at: offset, report: &report)
        if let recorded, truncated.contains(recorded.session) {
            truncated.note(key: recorded.key, timeline: recorded.timeline)
        }
        if truncated.isOpen(key: event.sessionKey, timeline: timeline.name) {
            report.truncated += 1
            if recorded != nil { truncatedScores += 1 }
            return
        }
        guard let recorded else {
            report.unscored += 1
            if scored > 0, firstGap == nil { firstGap = offset }
            return
        }
        scored += 1
        truncated.score(fold.openSession(slot), on: timeline)
        guard select(recorded.model, offset: offset, report: &report),
            let score = scorer?.score(slot: slot, of: fold)
        else { return }
        report.scores += 1
        let own = ScoreRecord(
            event, partition: partition, offset: offset, session: fold.openSession(slot), score: score,
            model: recorded.model)
        guard recorded != own else { return }
        report.largestDifference = max(
            report.largestDifference, abs(Double(own.score) - Double(recorded.score)),
            abs(Double(own.change ?? 0) - Double(recorded.change ?? 0)))
        report.add(
            partition, offset,
            "score recorded \(Self.text(recorded.encoded())), recomputed \(Self.text(own.encoded()))")
    }

    /// The score of the event at an offset, `nil` where it has none. Records before it have no event.
    private mutating func recordedScore(
        at offset: Int64, report: inout Audit.Report
    ) async throws -> ScoreRecord? {
        while let record = try await scores.peek(report: &report), record.offset <= offset {
            scores.pop()
            if record.offset == offset { return record }
            unexplained(record, report: &report)
        }
        return nil
    }

    private mutating func unexplained(_ score: ScoreRecord, report: inout Audit.Report) {
        if truncated.contains(score.session) {
            report.truncated += 1
            truncatedScores += 1
            return
        }
        report.add(
            partition, score.offset,
            "a score of \(score.session), prefix \(score.prefix), that no event explains, or a second one")
    }

    /// Makes the model of a record the one that scores; false where there is no such model.
    private mutating func select(_ number: Int, offset: Int64, report: inout Audit.Report) -> Bool {
        if number == modelNumber { return true }
        if missingModels.contains(number) { return false }
        do {
            let next = try model(number)
            if scorer == nil { scorer = SessionScorer(model: next) } else { scorer?.swap(to: next) }
        } catch {
            missingModels.insert(number)
            report.add(partition, offset, "nothing by model \(number) can be compared: \(error)")
            return false
        }
        modelNumber = number
        if !report.models.contains(number) { report.models.append(number) }
        return true
    }

    // MARK: What is left

    /// Outputs that no record of the log took.
    private mutating func rest(upTo latest: Int64, report: inout Audit.Report) async throws {
        while let score = try await scores.peek(report: &report) {
            scores.pop()
            if score.offset < position.next || score.offset >= latest { unexplained(score, report: &report) }
        }
        while let outcome = try await outcomes.peek(report: &report) {
            outcomes.pop()
            if outcome.offset < position.next || outcome.offset >= latest { unexplained(outcome, report: &report) }
        }
    }

    private func comparePosition(report: inout Audit.Report) {
        if logStart > position.start { return compareScored(report: &report) }
        var own = fold.position()
        // This fold counted every step as unscored; the records say which of them a model scored.
        own.counters.scored = scored + truncatedScores
        own.counters.unscored -= scored + truncatedScores
        guard own != position else { return }
        var differences = Counters.accounts.compactMap { account -> String? in
            let (committed, counted) = (position.counters[keyPath: account.path], own.counters[keyPath: account.path])
            return committed == counted ? nil : "\(account.name) is \(committed), by log and scores \(counted)"
        }
        differences += SessionCounters.accounts.compactMap { account in
            let (committed, counted) = (position.sessions[keyPath: account.path], own.sessions[keyPath: account.path])
            return committed == counted ? nil : "sessions \(account.name) is \(committed), by the log \(counted)"
        }
        if own.counters.unscored > position.counters.unscored, let firstGap {
            differences.append("the first event without a score after a scored one is at offset \(firstGap)")
        }
        if differences.isEmpty { differences = [position.encoded() + ", by the log " + own.encoded()] }
        report.add(partition, position.next, "the committed position: " + differences.joined(separator: "; "))
    }

    /// Of a position that counts from a record which is gone: output offsets count the scores that are gone, too, where
    /// they count records, and from the position's start.
    private func compareScored(report: inout Audit.Report) {
        let counted = scores.start + scored + truncatedScores
        guard offsetsCountScores, counted != position.counters.scored else { return }
        report.add(
            partition, position.next,
            "the committed position: scored is \(position.counters.scored), by the scores \(counted)"
                + (firstGap.map { "; the first event without a score after a scored one is at offset \($0)" } ?? ""))
    }

    private static func text(_ json: [UInt8]) -> String { String(decoding: json, as: UTF8.self) }
}
