import CRDKafka
import EventLog
import Logging
import Synchronization

/// The scoring side over Kafka: a member of the scorers' group that commits outputs and position in one transaction.
///
/// All calls to the group's client come from one thread. `commit` aborts what it cannot commit. It throws `.failed`
/// where the caller may send the same outputs again; `.partitionsLost` and `.mustRejoin` where the group has moved on;
/// `.fenced`, now and ever after, where another process has this one's name.
final class KafkaConsumer: EventConsumer {
    private let settings: KafkaSettings
    private let queries: KafkaQueries
    private let logger: Logger
    private let queue = BlockingQueue("scorer")
    private let state: Mutex<State>

    private struct State {
        /// `nil` between leaving and joining again.
        var member: GroupMember?
        var machine = AssignmentMachine()
        /// What the group has assigned and the scorer has not been told, because the brokers did not say what is
        /// committed.
        var unannounced: [Int]?
        var producer: TransactionalProducer?
        var ledger = CommitLedger()
        /// The last commit failed: what the brokers have is asked before the same outputs are sent again.
        var isDoubtful = false
        /// Why this process may never commit again: another one has its transactional id.
        var fenced: String?
        var isClosed = false
    }

    init(settings: KafkaSettings, queries: KafkaQueries, logger: Logger) throws(EventLogError) {
        self.settings = settings
        self.queries = queries
        self.logger = logger
        state = Mutex(State(member: try GroupMember(settings: settings, logger: logger)))
    }

    // MARK: The group

    func next(limit: Int, wait: Duration) async throws(EventLogError) -> ConsumerEvent {
        let member = try member()
        while true {
            if let rebalance = member.nextRebalance() {
                if let event = await follow(rebalance) { return event }
                continue
            }
            if let partitions = state.withLock({ $0.unannounced }), let event = try await announce(partitions) {
                return event
            }
            let records = try await queue.run { () throws(EventLogError) in
                try member.poll(limit: limit, wait: wait)
            }
            if let records { return .records(partition: records.partition, records.records) }
            if !member.hasRebalance { return .idle }
        }
    }

    func isCaughtUp(_ partition: Int) -> Bool { state.withLock { $0.member }?.isCaughtUp(partition) ?? false }

    private func member() throws(EventLogError) -> GroupMember {
        let (member, isClosed) = state.withLock { ($0.member, $0.isClosed) }
        if isClosed { throw .closed }
        guard let member else { throw .mustRejoin("group \(settings.group) was left and not joined again") }
        return member
    }

    private func follow(_ rebalance: CallbackContext.Rebalance) async -> ConsumerEvent? {
        let action = state.withLock { state in
            state.unannounced = nil
            switch rebalance {
            case .assign(let partitions): return state.machine.assign(partitions)
            case .revoke(_, let lost): return state.machine.revoke(lost: lost)
            }
        }
        switch action {
        case .announce(let partitions): state.withLock { $0.unannounced = partitions }
        case .askBack(let partitions): return .revoked(partitions)
        case .drop(let partitions):
            await assign(nil)
            return .lost(partitions)
        case .read(let offsets):
            await assign(offsets)
            // More members than partitions: this one stands by.
            return .assigned([])
        case .giveBack: await assign(nil)
        case .nothing: break
        }
        return nil
    }

    /// What is assigned, with what is committed of it; `nil` where the brokers do not say so now.
    private func announce(_ partitions: [Int]) async throws(EventLogError) -> ConsumerEvent? {
        do throws(EventLogError) {
            // First of all a producer: it ends at once what a killed process of this name has left open, which
            // otherwise hides the committed positions until the brokers' limit.
            try await queue.run { [self] () throws(EventLogError) in _ = try transactional() }
            var assigned: [AssignedPartition] = []
            var offsets: [Int: Int64] = [:]
            for partition in partitions {
                let committed = try await queries.committed(settings.name(of: .events), partition: partition)
                offsets[partition] = committed?.offset
                assigned.append(
                    AssignedPartition(
                        partition: partition, position: committed?.metadata,
                        bounds: try await queries.bounds(settings.name(of: .events), partition: partition)))
            }
            state.withLock { state in
                for partition in partitions { state.ledger.hold(partition, committed: offsets[partition]) }
                state.isDoubtful = false
                state.unannounced = nil
            }
            return .assigned(assigned)
        } catch {
            guard case .failed(let reason) = error else { throw error }
            logger.warning("partitions \(partitions) are assigned, but wait for their positions: \(reason)")
            return nil
        }
    }

    func begin(partition: Int, at offset: Int64) async throws(EventLogError) {
        let action = state.withLock { state -> AssignmentMachine.Action in
            // Taken away while its past was asked for: the group says so at the next turn.
            guard case .starting = state.machine.state else { return .nothing }
            return state.machine.begin(partition, at: offset)
        }
        if case .read(let offsets) = action { await assign(offsets) }
    }

    private func assign(_ offsets: [Int: Int64]?) async {
        if offsets == nil { state.withLock { $0.ledger.release() } }
        guard let member = state.withLock({ $0.member }) else { return }
        await queue.run { member.assign(offsets) }
    }

    func release(_ partitions: [Int]) async throws(EventLogError) {
        if state.withLock({ $0.machine.release() }) == .giveBack { await assign(nil) }
    }

    func rejoin() async throws(EventLogError) {
        if let reason = state.withLock({ $0.fenced }) { throw .fenced(reason) }
        let old = state.withLock { state in
            defer { state.member = nil }
            state.machine = AssignmentMachine()
            state.ledger.release()
            state.unannounced = nil
            return state.member
        }
        if let old { await queue.run { old.close() } }
        let member = try GroupMember(settings: settings, logger: logger)
        state.withLock { $0.member = member }
    }

    // MARK: Commits

    func commit(_ batches: [ScoredBatch]) async throws(EventLogError) {
        if let reason = state.withLock({ $0.fenced }) { throw .fenced(reason) }
        let member = try member()
        if state.withLock({ $0.isDoubtful }) { try await settle(batches) }
        let pending = try state.withLock { state throws(EventLogError) in try state.ledger.pending(batches) }
        guard !pending.isEmpty else { return }
        var records: [(topic: String, partition: Int, key: String?, value: [UInt8])] = []
        for batch in pending {
            for score in batch.scores {
                records.append((settings.name(of: .scores), batch.partition, score.key, score.value))
            }
            for outcome in batch.outcomes {
                records.append((settings.name(of: .outcomes), batch.partition, outcome.key, outcome.value))
            }
        }
        let offsets = TransactionalProducer.Offsets(
            topic: settings.name(of: .events), partitions: pending.map { ($0.partition, $0.next, $0.position) })
        try await queue.run { [self, records] () throws(EventLogError) in
            do throws(EventLogError) {
                try transactional().transact(records, offsets, group: try member.metadata())
            } catch {
                throw giveUpProducer(after: error)
            }
        }
        state.withLock { $0.ledger.committed(pending) }
    }

    /// Finds out what became of a commit that failed. A new producer comes first: it ends the transaction that the old
    /// one left open, so that what the brokers then say is final.
    private func settle(_ batches: [ScoredBatch]) async throws(EventLogError) {
        try await queue.run { [self] () throws(EventLogError) in _ = try transactional() }
        for batch in batches {
            let committed = try await queries.committed(settings.name(of: .events), partition: batch.partition)
            state.withLock { $0.ledger.refresh(batch.partition, committed: committed?.offset) }
        }
        state.withLock { $0.isDoubtful = false }
    }

    private func transactional() throws(EventLogError) -> TransactionalProducer {
        if let producer = state.withLock({ $0.producer }) { return producer }
        do throws(EventLogError) {
            let producer = try TransactionalProducer(
                id: settings.scorerTransactionalID, settings: settings, logger: logger)
            state.withLock { $0.producer = producer }
            return producer
        } catch {
            throw remembered(error)
        }
    }

    /// That another process has taken this one's place is final, and is said in words that an operator can use.
    private func remembered(_ error: EventLogError) -> EventLogError {
        guard case .fenced(let reason) = error else { return error }
        let text =
            state.withLock { $0.fenced }
            ?? "another process scores under this one's name, kafka.instance \(settings.instance), and has taken its "
            + "place (\(reason)): give every scorer a kafka.instance of its own"
        state.withLock { $0.fenced = text }
        return .fenced(text)
    }

    /// After a failure the next commit begins with a new producer.
    private func giveUpProducer(after error: EventLogError) -> EventLogError {
        let producer = state.withLock { state in
            state.isDoubtful = true
            defer { state.producer = nil }
            return state.producer
        }
        producer?.discard()
        return remembered(error)
    }

    func close() async {
        let (member, producer) = state.withLock { state in
            defer { (state.member, state.producer, state.isClosed) = (nil, nil, true) }
            return (state.member, state.producer)
        }
        await queue.run {
            member?.close()
            producer?.discard()
        }
    }
}
