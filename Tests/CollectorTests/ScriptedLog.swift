import EventLog
import Synchronization

/// A log that does what a test tells it to, and notes what it was asked.
final class ScriptedLog: EventLog {
    struct State {
        var appends: [Result<[AppendVerdict], EventLogError>] = []
        var rejections: [EventLogError?] = []
        var others: EventLogError?
        var appended: [[NewRecord]] = []
        var kept: [RejectedRecord] = []
        var nextOffset: Int64 = 0
    }

    let partitionCount = 1
    let durability: Durability
    private let state = Mutex(State())
    /// Where an append waits until it is let through; `nil`: it does not wait.
    private let gate: Gate?

    /// - Parameters:
    ///   - appends: what the first appends give; those that follow store everything.
    ///   - rejections: what keeping gives, `nil` for success, likewise.
    ///   - others: what everything else throws.
    init(
        durability: Durability = .broker, appends: [Result<[AppendVerdict], EventLogError>] = [],
        rejections: [EventLogError?] = [], others: EventLogError? = nil, gate: Gate? = nil
    ) {
        self.durability = durability
        self.gate = gate
        state.withLock {
            $0.appends = appends
            $0.rejections = rejections
            $0.others = others
        }
    }

    var appended: [[NewRecord]] { state.withLock { $0.appended } }
    var kept: [RejectedRecord] { state.withLock { $0.kept } }

    func append(_ records: [NewRecord]) async throws(EventLogError) -> [AppendVerdict] {
        await gate?.pass()
        return try state.withLock { state -> Result<[AppendVerdict], EventLogError> in
            state.appended.append(records)
            if !state.appends.isEmpty { return state.appends.removeFirst() }
            let first = state.nextOffset
            state.nextOffset += Int64(records.count)
            return .success(
                records.indices.map { .stored(Location(partition: 0, offset: first + Int64($0))) })
        }.get()
    }

    func reject(_ records: [RejectedRecord]) async throws(EventLogError) {
        let failure = state.withLock { state -> EventLogError? in
            let failure = state.rejections.isEmpty ? nil : state.rejections.removeFirst()
            if failure == nil { state.kept += records }
            return failure
        }
        if let failure { throw failure }
    }

    func rejected(from number: Int64, limit: Int) async throws(EventLogError) -> [RejectedRecord] { kept }
    func rejectedCount() async throws(EventLogError) -> Int64 { Int64(kept.count) }

    private func other<T>(_ value: T) throws(EventLogError) -> T {
        if let failure = state.withLock({ $0.others }) { throw failure }
        return value
    }

    func append(_ rows: [ReplayRow], ofReplay name: String) async throws(EventLogError) -> ReplayAppended {
        try other(ReplayAppended(stored: rows.count))
    }
    func endReplay(_ name: String) async throws(EventLogError) { try other(()) }
    func replayMark(_ name: String) async throws(EventLogError) -> ReplayMark? { try other(nil) }
    func appendTick(partition: Int) async throws(EventLogError) { try other(()) }
    func bounds(partition: Int) async throws(EventLogError) -> Range<Int64> { try other(0..<0) }
    func firstOffset(partition: Int, atOrAfter time: Int64) async throws(EventLogError) -> Int64 { try other(0) }
    func reader(partition: Int, from offset: Int64) async throws(EventLogError) -> any EventReader {
        throw .unusable("a scripted log is not read")
    }
    func close() async {}
}

/// Holds whoever comes until it is opened, and says that somebody came.
final class Gate: Sendable {
    let arrivals: AsyncStream<Void>
    private let arrived: AsyncStream<Void>.Continuation
    private let waiting = Mutex<(open: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    init() { (arrivals, arrived) = AsyncStream.makeStream() }

    func pass() async {
        arrived.yield()
        await withCheckedContinuation { continuation in
            let isOpen = waiting.withLock { state in
                if !state.open { state.waiters.append(continuation) }
                return state.open
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiters = waiting.withLock { state in
            defer { state = (true, []) }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
