import EventLog
import Events

/// From judged elements of a request to verdicts: what is good goes to the log, what is not is kept.
///
/// 1. `stored` and `duplicate` are said only after the log has said so.
/// 2. `rejected` is said only of what is kept: where it cannot be kept, the event is to be sent again. A repetition may
///    keep it twice.
/// 3. A copy within the request shares the fate of its first: it is no duplicate of something that was not stored.
/// 4. A record that is larger than the log takes is rejected, and its neighbours are stored.
struct EventIntake: Sendable {
    let log: any EventLog
    let maxRecordBytes: Int
    let failures: FailureLog

    /// Where an element's verdict comes from.
    private enum Source {
        case record(Int)
        /// The same event as that record before it.
        case copy(of: Int)
        case rejected(String)
    }

    private struct Sorted {
        var sources: [Source] = []
        var records: [NewRecord] = []
        var recordBytes = 0
        /// Each record's number by its event's identity.
        var known: [UInt64: Int] = [:]
        var rejects: [RejectedRecord] = []
        private var kept: Set<Int> = []

        init(reserving count: Int) {
            sources.reserveCapacity(count)
            records.reserveCapacity(count)
            known.reserveCapacity(count)
        }

        /// The products of a hit share their bytes, which are kept once, with the first reason.
        mutating func reject(_ item: CollectDecoder.Item, _ reason: String, received: Int64) {
            sources.append(.rejected(reason))
            keep(item, reason, received: received)
        }

        mutating func keep(_ item: CollectDecoder.Item, _ reason: String, received: Int64) {
            guard kept.insert(item.index).inserted else { return }
            rejects.append(RejectedRecord(time: received, source: "collect", reason: reason, bytes: item.bytes))
        }
    }

    func take(
        _ items: [CollectDecoder.Item], received: Int64, _ share: HeldBytes.Share
    ) async throws(CollectorError) -> Judgement {
        var sorted = try sort(items, received: received, share)
        let appended = await append(sorted.records)
        if case .success(let verdicts) = appended {
            for (place, source) in sorted.sources.enumerated() {
                guard case .record(let number) = source, let reason = Self.refusal(verdicts[number]) else { continue }
                sorted.keep(items[place], reason, received: received)
            }
        }
        let keepFailure = await keep(sorted.rejects)
        func rejected(_ reason: String) -> Verdict {
            keepFailure.map { .retry("\(reason); it could not be kept: \($0.message)") } ?? .rejected(reason)
        }
        func judged(_ verdict: FittingVerdict) -> Verdict {
            switch verdict {
            case .appended(let appended): Verdict(appended)
            case .tooLarge(let bytes, let limit): rejected(Self.tooLarge(bytes, limit))
            }
        }
        let entries = sorted.sources.enumerated().map { place, source in
            let verdict: Verdict
            switch (source, appended) {
            case (.rejected(let reason), _): verdict = rejected(reason)
            case (_, .failure(let failure)): verdict = .retry(failure.message)
            case (.record(let number), .success(let verdicts)): verdict = judged(verdicts[number])
            case (.copy(let number), .success(let verdicts)):
                verdict = Self.refusal(verdicts[number]) == nil ? .duplicate : judged(verdicts[number])
            }
            return Judgement.Entry(index: items[place].index, id: items[place].id, verdict: verdict)
        }
        var failure = keepFailure
        if case .failure(let appendFailure) = appended { failure = appendFailure }
        return Judgement(logDurability: log.durability, entries: entries, retryAfter_s: failure?.retryAfter_s)
    }

    /// Why the log can never take a record.
    private static func refusal(_ verdict: FittingVerdict) -> String? {
        guard case .tooLarge(let bytes, let limit) = verdict else { return nil }
        return tooLarge(bytes, limit)
    }

    private static func tooLarge(_ bytes: Int, _ limit: Int?) -> String {
        let allowed = limit.map { "the \($0) allowed" } ?? "the log allows"
        return "a record of \(bytes) bytes, more than \(allowed)"
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
        // By their places: an item is twenty references, and a copy counts each.
        for place in items.indices { try sort(items[place], into: &sorted, received: received, share) }
        return sorted
    }

    private func sort(
        _ item: CollectDecoder.Item, into sorted: inout Sorted, received: Int64, _ share: HeldBytes.Share
    ) throws(CollectorError) {
        switch item.result {
        case .failure(let error): sorted.reject(item, error.description, received: received)
        case .success(let event):
            let identity = event.identity
            if let number = sorted.known[identity] {
                sorted.sources.append(.copy(of: number))
                return
            }
            let value = RecordCoder.encode(event, timeline: .live, received: received)
            guard value.count <= EventLimits.recordBytes else {
                sorted.reject(item, Self.tooLarge(value.count, EventLimits.recordBytes), received: received)
                return
            }
            sorted.recordBytes += value.count
            guard sorted.recordBytes <= maxRecordBytes else {
                throw .tooLarge("these events make more than \(maxRecordBytes) bytes of records; send fewer")
            }
            try share.take(value.count)
            sorted.known[identity] = sorted.records.count
            sorted.sources.append(.record(sorted.records.count))
            sorted.records.append(NewRecord(key: event.sessionKey, value: value, identity: identity))
        }
    }

    private func append(_ records: [NewRecord]) async -> Result<[FittingVerdict], CollectorError> {
        guard !records.isEmpty else { return .success([]) }
        do throws(EventLogError) {
            let verdicts = try await log.appendWhatFits(records)
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
