import EventLog
import Events

/// From judged elements of a request to verdicts: what is good goes to the log, what is not is kept.
///
/// 1. `stored` and `duplicate` are said only after the log has said so.
/// 2. `rejected` is said only of what is kept: where it cannot be kept, the event is to be sent again. A repetition may
///    keep it twice.
/// 3. A copy within the request shares the fate of its first: it is no duplicate of something that was not stored.
struct EventIntake: Sendable {
    let log: any EventLog
    let maxRecordBytes: Int
    let failures: FailureLog

    /// Where an element's verdict comes from.
    private enum Source {
        case record(Int)
        /// The same event as a record before it.
        case copy
        case rejected(String)
    }

    private struct Sorted {
        var sources: [Source] = []
        var records: [NewRecord] = []
        var rejects: [RejectedRecord] = []
        private var lastRejected: Int?

        init(reserving count: Int) {
            sources.reserveCapacity(count)
            records.reserveCapacity(count)
        }

        /// The products of a hit share their bytes, which are kept once, with the first reason.
        mutating func reject(_ item: CollectDecoder.Item, _ reason: String, received: Int64) {
            sources.append(.rejected(reason))
            guard item.index != lastRejected else { return }
            lastRejected = item.index
            rejects.append(RejectedRecord(time: received, source: "collect", reason: reason, bytes: item.bytes))
        }
    }

    func take(
        _ items: [CollectDecoder.Item], received: Int64, _ share: HeldBytes.Share
    ) async throws(CollectorError) -> Judgement {
        let sorted = try sort(items, received: received, share)
        let keepFailure = await keep(sorted.rejects)
        let appended = await append(sorted.records)
        let entries = zip(items, sorted.sources).map { item, source in
            let verdict: Verdict
            switch (source, appended) {
            case (.rejected(let reason), _):
                verdict =
                    keepFailure.map { .retry("\(reason); it could not be kept: \($0.message)") } ?? .rejected(reason)
            case (_, .failure(let failure)): verdict = .retry(failure.message)
            case (.copy, .success): verdict = .duplicate
            case (.record(let number), .success(let verdicts)): verdict = Verdict(verdicts[number])
            }
            return Judgement.Entry(index: item.index, id: item.id, verdict: verdict)
        }
        var failure = keepFailure
        if case .failure(let appendFailure) = appended { failure = appendFailure }
        return Judgement(durability: log.durability, entries: entries, retryAfter_s: failure?.retryAfter_s)
    }

    /// Keeps how a body begins that could not be read. Throws where it cannot be kept: it is to be sent again then.
    func keep(unreadable body: [UInt8], reason: String, received: Int64) async throws(CollectorError) {
        guard !body.isEmpty else { return }
        let record = RejectedRecord(time: received, source: "collect", reason: reason, bytes: body)
        if let failure = await keep([record]) { throw failure }
    }

    private func sort(
        _ items: [CollectDecoder.Item], received: Int64, _ share: HeldBytes.Share
    ) throws(CollectorError) -> Sorted {
        var sorted = Sorted(reserving: items.count)
        var known: Set<UInt64> = []
        var recordBytes = 0
        for item in items {
            let event: Event
            switch item.result {
            case .success(let accepted): event = accepted
            case .failure(let error):
                sorted.reject(item, error.description, received: received)
                continue
            }
            let identity = event.identity
            guard !known.contains(identity) else {
                sorted.sources.append(.copy)
                continue
            }
            let value = RecordCoder.encode(event, timeline: .live, received: received)
            guard value.count <= EventLimits.recordBytes else {
                let reason = "a record of \(value.count) bytes, more than the \(EventLimits.recordBytes) allowed"
                sorted.reject(item, reason, received: received)
                continue
            }
            recordBytes += value.count
            guard recordBytes <= maxRecordBytes else {
                throw .tooLarge("these events make more than \(maxRecordBytes) bytes of records; send fewer")
            }
            try share.take(value.count)
            known.insert(identity)
            sorted.sources.append(.record(sorted.records.count))
            sorted.records.append(NewRecord(key: event.sessionKey, value: value, identity: identity))
        }
        return sorted
    }

    private func append(_ records: [NewRecord]) async -> Result<[AppendVerdict], CollectorError> {
        guard !records.isEmpty else { return .success([]) }
        do throws(EventLogError) {
            let verdicts = try await log.append(records)
            precondition(verdicts.count == records.count, "EventIntake.append: one verdict a record is the contract")
            return .success(verdicts)
        } catch {
            return .failure(failures.note(error))
        }
    }

    private func keep(_ records: [RejectedRecord]) async -> CollectorError? {
        guard !records.isEmpty else { return nil }
        do throws(EventLogError) {
            try await log.reject(records)
            return nil
        } catch {
            return failures.note(error)
        }
    }
}
