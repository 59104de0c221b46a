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
        case copy(of: Int)
        case rejected(String)
    }

    private struct Sorted {
        var sources: [Source] = []
        var records: [NewRecord] = []
        var rejects: [RejectedRecord] = []
    }

    func take(
        _ items: [CollectDecoder.Item], received: Int64, _ share: HeldBytes.Share
    ) async throws(CollectorError) -> Judgement {
        let sorted = try sort(items, received: received, share)
        let keepFailure = await keep(sorted.rejects)
        let (appended, appendFailure) = await append(sorted.records)
        var entries: [Judgement.Entry] = []
        entries.reserveCapacity(items.count)
        for (item, source) in zip(items, sorted.sources) {
            let verdict: Verdict
            switch source {
            case .record(let number):
                switch appended?[number] {
                case .stored(let location): verdict = .stored(location)
                case .duplicate: verdict = .duplicate
                case nil: verdict = .retry(appendFailure?.message ?? "")
                }
            case .copy:
                verdict = appended != nil ? .duplicate : .retry(appendFailure?.message ?? "")
            case .rejected(let reason):
                verdict =
                    keepFailure.map { .retry("\(reason); it could not be kept: \($0.message)") } ?? .rejected(reason)
            }
            entries.append(Judgement.Entry(index: item.index, id: item.id, verdict: verdict))
        }
        return Judgement(
            durability: log.durability, entries: entries,
            retryAfter_s: (appendFailure ?? keepFailure)?.retryAfter_s)
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
        var sorted = Sorted()
        sorted.sources.reserveCapacity(items.count)
        sorted.records.reserveCapacity(items.count)
        var known: [UInt64: Int] = [:]
        var recordBytes = 0
        var lastKept: Int?
        for item in items {
            let reason: String
            switch item.result {
            case .failure(let error):
                reason = error.description
            case .success(let event):
                let identity = event.identity
                if let first = known[identity] {
                    sorted.sources.append(.copy(of: first))
                    continue
                }
                let value = RecordCoder.encode(event, timeline: .live, received: received)
                guard value.count > EventLimits.recordBytes else {
                    recordBytes += value.count
                    guard recordBytes <= maxRecordBytes else {
                        throw .tooLarge("these events make more than \(maxRecordBytes) bytes of records; send fewer")
                    }
                    try share.take(value.count)
                    known[identity] = sorted.records.count
                    sorted.sources.append(.record(sorted.records.count))
                    sorted.records.append(NewRecord(key: event.sessionKey, value: value, identity: identity))
                    continue
                }
                reason = "a record of \(value.count) bytes, more than the \(EventLimits.recordBytes) allowed"
            }
            sorted.sources.append(.rejected(reason))
            // The products of a hit share their bytes: kept once, with the first reason.
            guard item.index != lastKept else { continue }
            lastKept = item.index
            sorted.rejects.append(
                RejectedRecord(time: received, source: "collect", reason: reason, bytes: item.bytes))
        }
        return sorted
    }

    private func append(_ records: [NewRecord]) async -> (verdicts: [AppendVerdict]?, failure: CollectorError?) {
        guard !records.isEmpty else { return ([], nil) }
        do throws(EventLogError) {
            let verdicts = try await log.append(records)
            precondition(verdicts.count == records.count, "EventIntake.append: one verdict a record is the contract")
            return (verdicts, nil)
        } catch {
            return (nil, failures.note(error))
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
