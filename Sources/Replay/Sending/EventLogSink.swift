public import EventLog

/// A log that this process writes itself.
public struct EventLogSink: ReplaySink {
    private let log: any EventLog

    /// The log's writer takes up to 10,000 records a transaction; half of that keeps the next batch in the making
    /// while one is written.
    public let limits = BatchLimits(rows: 5_000, bytes: 4 << 20)

    public init(log: any EventLog) { self.log = log }

    public func mark(of name: String) async throws(SinkError) -> ReplayMark? {
        do throws(EventLogError) { return try await log.replayMark(name) } catch { throw SinkError(error) }
    }

    public func append(_ rows: [ReplayRow], ofReplay name: String) async throws(SinkError) -> ReplayAppended {
        do throws(EventLogError) { return try await log.append(rows, ofReplay: name) } catch { throw SinkError(error) }
    }

    public func end(_ name: String) async throws(SinkError) {
        do throws(EventLogError) { try await log.endReplay(name) } catch { throw SinkError(error) }
    }

    public func appendLive(_ rows: [ReplayRow]) async throws(SinkError) -> [LiveVerdict] {
        var verdicts = Array(repeating: LiveVerdict.retry, count: rows.count)
        var events: [(place: Int, record: NewRecord)] = []
        var rejected: [(place: Int, record: RejectedRecord)] = []
        for (place, row) in rows.enumerated() {
            switch row.content {
            case .event(let record): events.append((place, record))
            case .rejected(let record): rejected.append((place, record))
            }
        }
        // Rejected rows first: once events are stored, what is left to say is no longer that nothing was taken.
        do throws(EventLogError) {
            if !rejected.isEmpty { try await log.reject(rejected.map(\.record)) }
            for (place, record) in rejected { verdicts[place] = .rejected(reason: record.reason) }
            let answers = events.isEmpty ? [] : try await log.append(events.map(\.record))
            for (event, answer) in zip(events, answers) {
                verdicts[event.place] = answer == .duplicate ? .duplicate : .stored
            }
        } catch {
            guard case .overloaded = error, verdicts.contains(where: { $0 != .retry }) else { throw SinkError(error) }
        }
        return verdicts
    }
}

extension SinkError {
    init(_ error: EventLogError) {
        switch error {
        case .overloaded(let seconds):
            self = .busy(reason: error.description, retryAfter: .seconds(max(1, seconds)))
        case .failed, .partitionsLost, .mustRejoin:
            // The mark says what became of the rows when they come again.
            self = .unanswered(reason: error.description)
        case .closed, .replayGap, .tooLarge, .unusable, .fenced, .stopped:
            self = .refused(.log(error))
        }
    }
}
