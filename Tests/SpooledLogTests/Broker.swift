import EventLog
import Synchronization
import Testing

/// A log in memory that fails on command and notes what reaches it.
final class Broker: EventLog {
    enum Mode: Sendable, Equatable {
        case up
        /// Nothing is taken.
        case down
        /// Everything is taken, and no answer comes back.
        case mute
        case overloaded
        /// Takes the first of an append, then fails.
        case breaking(after: Int)
    }

    private struct State {
        var mode = Mode.up
        var limit: Int?
        var namesLimit = true
        var asked = 0
        var closed = false
        var stored: [NewRecord] = []
        var kept: [RejectedRecord] = []
        var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    let partitionCount = 1
    let durability = Durability.broker
    private let state = Mutex(State())

    init(_ mode: Mode = .up) { set(mode) }

    func set(_ mode: Mode) { state.withLock { $0.mode = mode } }

    /// Records of more bytes are too large from now on.
    func set(limit: Int, named: Bool) {
        state.withLock { state in
            state.limit = limit
            state.namesLimit = named
        }
    }

    var stored: [NewRecord] { state.withLock { $0.stored } }
    var kept: [RejectedRecord] { state.withLock { $0.kept } }
    /// Until it was asked so often to append or reject.
    func wasAsked(_ count: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while state.withLock({ $0.asked }) < count {
            try #require(ContinuousClock.now < deadline, "asked fewer than \(count) times in a minute")
            await Task.yield()
        }
    }

    /// Until so many records are stored and rejected together.
    func has(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                let isThere = state.stored.count + state.kept.count >= count
                if !isThere { state.waiting.append((count, continuation)) }
                return isThere
            }
            if isThere { continuation.resume() }
        }
    }

    private func take(_ count: Int, _ body: (inout State, Int) -> Void) throws(EventLogError) {
        let (failure, heard) = state.withLock { state -> (EventLogError?, [CheckedContinuation<Void, Never>]) in
            state.asked += 1
            if state.closed { return (.closed, []) }
            let (taken, failure): (Int, EventLogError?) =
                switch state.mode {
                case .up: (count, nil)
                case .down: (0, .failed("the broker is down"))
                case .mute: (count, .failed("no answer"))
                case .overloaded: (0, .overloaded(retryAfter_s: 1))
                case .breaking(let after): (min(count, after), count > after ? .failed("broken off") : nil)
                }
            body(&state, taken)
            let total = state.stored.count + state.kept.count
            let heard = state.waiting.filter { $0.count <= total }.map(\.continuation)
            state.waiting.removeAll { $0.count <= total }
            return (failure, heard)
        }
        for waiter in heard { waiter.resume() }
        if let failure { throw failure }
    }

    func append(_ records: [NewRecord]) async throws(EventLogError) -> [AppendVerdict] {
        let (limit, isNamed) = state.withLock { ($0.limit ?? Int.max, $0.namesLimit) }
        if let large = records.first(where: { $0.value.count > limit }) {
            throw .tooLarge(bytes: large.value.count, limit: isNamed ? limit : nil)
        }
        var first = 0
        try take(records.count) { state, taken in
            first = state.stored.count
            state.stored += records.prefix(taken)
        }
        return records.indices.map { .stored(Location(partition: 0, offset: Int64(first + $0))) }
    }

    func reject(_ records: [RejectedRecord]) async throws(EventLogError) {
        try take(records.count) { state, taken in state.kept += records.prefix(taken) }
    }

    func append(_ rows: [ReplayRow], ofReplay name: String) async throws(EventLogError) -> ReplayAppended {
        try take(0) { _, _ in }
        return ReplayAppended(stored: rows.count)
    }
    func endReplay(_ name: String) async throws(EventLogError) { try take(0) { _, _ in } }
    func appendTick(partition: Int) async throws(EventLogError) { try take(0) { _, _ in } }
    func replayMark(_ name: String) async throws(EventLogError) -> ReplayMark? { nil }
    func rejected(from number: Int64, limit: Int) async throws(EventLogError) -> [RejectedRecord] { kept }
    func rejectedCount() async throws(EventLogError) -> Int64 { Int64(kept.count) }
    func bounds(partition: Int) async throws(EventLogError) -> Range<Int64> { 0..<Int64(stored.count) }
    func firstOffset(partition: Int, atOrAfter time: Int64) async throws(EventLogError) -> Int64 { 0 }
    func reader(partition: Int, from offset: Int64) async throws(EventLogError) -> any EventReader {
        throw .unusable("a broker of tests is not read")
    }
    func close() async { state.withLock { $0.closed = true } }
}
