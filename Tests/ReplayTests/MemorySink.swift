import EventLog
import Events
import Replay
import Synchronization

/// A log in memory that keeps the contract of replays, and fails when it is told to.
final class MemorySink: ReplaySink {
    enum Fault: Sendable, Equatable {
        /// Refuses, with nothing taken.
        case dead
        /// Takes the rows, then loses the answer for good.
        case deadAfterwards
        case busy
        /// Loses the request.
        case unanswered
        /// Takes the rows and loses the answer.
        case answerLost
    }

    struct State {
        var rows: [ReplayRow] = []
        var batches: [Int] = []
        var ended = 0
        var identities: Set<UInt64> = []
        /// By the number of the append, from 0.
        var faults: [Int: Fault] = [:]
        var appends = 0
        /// Live events that are taken before the rest gets `retry`, by the number of the append.
        var room: [Int: Int] = [:]
    }

    let limits: BatchLimits
    let state: Mutex<State>

    init(rows: Int = 7, bytes: Int = 1 << 20, faults: [Int: Fault] = [:], room: [Int: Int] = [:]) {
        limits = BatchLimits(rows: rows, bytes: bytes)
        state = Mutex(State(faults: faults, room: room))
    }

    var rows: [ReplayRow] { state.withLock { $0.rows } }
    var batches: [Int] { state.withLock { $0.batches } }
    var ended: Int { state.withLock { $0.ended } }

    /// What stands on the log, in order.
    var events: [Event] {
        rows.compactMap { row in
            guard case .event(let record) = row.content,
                case .event(let event, _)? = try? RecordCoder.decode(record.value)
            else { return nil }
            return event
        }
    }

    var rejectedLines: [Int?] {
        rows.compactMap { row in
            guard case .rejected(let record) = row.content else { return nil }
            return record.line
        }
    }

    func heal() { state.withLock { $0.faults = [:] } }

    func mark(of name: String) async throws(SinkError) -> ReplayMark? {
        let (count, ended) = state.withLock { ($0.rows.count, $0.ended > 0) }
        return count == 0 ? nil : ReplayMark(lastRow: Int64(count), ended: ended)
    }

    func append(_ rows: [ReplayRow], ofReplay name: String) async throws(SinkError) -> ReplayAppended {
        try attempt { state in
            var appended = ReplayAppended()
            for row in rows {
                if row.number <= Int64(state.rows.count) {
                    appended.duplicates += 1
                    continue
                }
                precondition(row.number == Int64(state.rows.count) + 1, "a gap before row \(row.number)")
                state.rows.append(row)
                if case .event = row.content { appended.stored += 1 } else { appended.rejected += 1 }
            }
            state.batches.append(rows.count)
            return appended
        }
    }

    func end(_ name: String) async throws(SinkError) { state.withLock { $0.ended += 1 } }

    func appendLive(_ rows: [ReplayRow]) async throws(SinkError) -> [LiveVerdict] {
        try attempt { state in
            state.batches.append(rows.count)
            let room = state.room[state.appends - 1] ?? .max
            return rows.enumerated().map { place, row in
                guard place < room else { return .retry }
                guard case .event(let record) = row.content else {
                    state.rows.append(row)
                    return .rejected(reason: "rejected")
                }
                guard state.identities.insert(record.identity).inserted else { return .duplicate }
                state.rows.append(row)
                return .stored
            }
        }
    }

    private func attempt<Value>(_ work: (inout State) -> Value) throws(SinkError) -> Value {
        let (value, fault) = state.withLock { state -> (Value?, Fault?) in
            let fault = state.faults[state.appends]
            state.appends += 1
            switch fault {
            case nil, .answerLost, .deadAfterwards: return (work(&state), fault)
            case .dead, .busy, .unanswered: return (nil, fault)
            }
        }
        switch fault {
        case .dead, .deadAfterwards: throw .refused(.log(.closed))
        case .busy: throw .busy(reason: "full", retryAfter: .seconds(3))
        case .unanswered, .answerLost: throw .unanswered(reason: "no answer")
        case nil: break
        }
        guard let value else { preconditionFailure("MemorySink: neither value nor fault") }
        return value
    }
}

/// A clock that moves only when somebody sleeps, and by just as much.
final class SleepClock: Sendable {
    private let state: Mutex<(now: Int64, sleeps: [Duration])>

    init(now: Int64 = 1_700_000_000_000) { state = Mutex((now, [])) }

    var now: Int64 { state.withLock { $0.now } }
    var sleeps: [Duration] { state.withLock { $0.sleeps } }

    var clock: ReplayClock {
        ReplayClock(
            now: { self.now },
            sleep: { time in
                try Task.checkCancellation()
                self.state.withLock { state in
                    state.now += Int64(time / .milliseconds(1))
                    state.sleeps.append(time)
                }
            })
    }
}
