public import EventLog
import Synchronization

/// A model log in memory that keeps the contract, with hands to break what a cluster breaks.
public final class MemoryModelLog: ModelLog {
    public let name = "memory"

    private struct State {
        /// A record's offset is its index; those that compaction removed are gone.
        var records: [(key: String, stored: StoredRecord?)] = []
        var epoch = 0
        var lease = 0
        var isLeased = false
        weak var holder: Lease?
        /// What the next appends do instead of succeeding.
        var faults: [Fault] = []
    }

    public enum Fault: Sendable {
        case none
        /// Nothing is written.
        case refused
        /// All is written, and the answer lost.
        case answerLost
        /// Another writer comes first.
        case overtaken
        /// Another process gets the lease first, and only the giver knows.
        case leaseLost
    }

    private let state = Mutex(State())

    public init() {}

    public func reader(from offset: Int64) -> any EventReader { Reader(log: self, next: offset) }

    public func writer() -> any ModelLogWriter {
        Writer(
            log: self,
            epoch: state.withLock { state in
                state.epoch += 1
                return state.epoch
            })
    }

    public func claimRetraining() -> (any RetrainLease)? {
        state.withLock { state in
            guard !state.isLeased else { return nil }
            state.isLeased = true
            state.lease += 1
            let lease = Lease(log: self, number: state.lease)
            state.holder = lease
            return lease
        }
    }

    /// Keeps the latest of each key.
    public func compact() {
        state.withLock { state in
            var latest: [String: Int] = [:]
            for (index, record) in state.records.enumerated() { latest[record.key] = index }
            for index in state.records.indices where latest[state.records[index].key] != index {
                state.records[index].stored = nil
            }
        }
    }

    public func write(_ key: String, _ value: [UInt8]) {
        state.withLock { Self.append([KeyedRecord(key: key, value: value)], to: &$0) }
    }

    /// What becomes of the next appends.
    public func fail(_ faults: [Fault]) { state.withLock { $0.faults += faults } }

    /// Another process gets the right to retrain, and its holder is told.
    public func takeLeaseAway() {
        let holder = state.withLock { state in
            state.lease += 1
            state.isLeased = true
            defer { state.holder = nil }
            return state.holder
        }
        holder?.lost.store(true, ordering: .relaxed)
    }

    private static func append(_ records: [KeyedRecord], to state: inout State) {
        for record in records {
            let stored = StoredRecord(offset: Int64(state.records.count), time: 0, value: record.value)
            state.records.append((record.key, stored))
        }
    }

    private struct Writer: ModelLogWriter {
        let log: MemoryModelLog
        let epoch: Int

        func append(_ records: [KeyedRecord], holding lease: (any RetrainLease)?) async throws(EventLogError) {
            // Others have their turn in between.
            await Task.yield()
            let failure = log.state.withLock { state -> EventLogError? in
                let fault = state.faults.isEmpty ? nil : state.faults.removeFirst()
                if fault == .overtaken { state.epoch += 1 }
                if fault == .leaseLost {
                    state.lease += 1
                    state.isLeased = true
                }
                if fault == .refused { return .failed("refused") }
                guard state.epoch == epoch else { return .fenced("another writer has come") }
                if let lease = lease as? Lease, !state.isLeased || state.lease != lease.number {
                    lease.lost.store(true, ordering: .relaxed)
                    return .fenced("the lease is another's")
                }
                MemoryModelLog.append(records, to: &state)
                return fault == .answerLost ? .failed("no answer") : nil
            }
            if let failure { throw failure }
        }

        func close() {}
    }

    private final class Lease: RetrainLease {
        let log: MemoryModelLog
        let number: Int
        let lost = Atomic(false)

        init(log: MemoryModelLog, number: Int) {
            self.log = log
            self.number = number
        }

        var isHeld: Bool { !lost.load(ordering: .relaxed) }

        func release() {
            lost.store(true, ordering: .relaxed)
            log.state.withLock { if $0.lease == number { $0.isLeased = false } }
        }
    }

    private final class Reader: EventReader {
        private let log: MemoryModelLog
        private let next: Mutex<Int64>

        init(log: MemoryModelLog, next: Int64) {
            self.log = log
            self.next = Mutex(next)
        }

        func next(limit: Int, wait: Duration) async throws(EventLogError) -> [StoredRecord] {
            let records = next.withLock { next in
                let all = log.state.withLock { $0.records }
                // Small helpings, so that readers meet writers half-way.
                let records = all.dropFirst(Int(next)).compactMap(\.stored).prefix(min(limit, 3))
                if let last = records.last { next = last.offset + 1 }
                return Array(records)
            }
            if records.isEmpty { await Task.yield() }
            return records
        }
    }
}
