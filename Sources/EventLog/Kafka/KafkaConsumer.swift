import CRDKafka
import EventLog
import Logging
import Synchronization

/// The scoring side over Kafka: a member of the scorers' group that commits outputs and position in one transaction.
///
/// All calls to the group's client come from one thread. `commit` aborts what it cannot commit and throws `.failed`, so
/// that the caller sends the same outputs again; it throws `.fenced` where this process has been replaced.
final class KafkaConsumer: EventConsumer {
    private let settings: KafkaSettings
    private let queries: KafkaQueries
    private let logger: Logger
    private let context: CallbackContext
    private let client: KafkaClient
    private let queue = BlockingQueue("scorer")
    private let state = Mutex(State())

    private struct State {
        var machine = AssignmentMachine()
        var producer: TransactionalProducer?
        var ledger = CommitLedger()
        /// The last commit failed: what the brokers have is asked before the same outputs are sent again.
        var isDoubtful = false
        /// Why this process may never commit again: another one has its transactional id.
        var fenced: String?
    }

    /// A record that came behind those of another partition.
    private let held = Mutex<(partition: Int, record: StoredRecord)?>(nil)

    private static let idle_ms: Int32 = 100

    init(settings: KafkaSettings, queries: KafkaQueries, logger: Logger) throws(EventLogError) {
        self.settings = settings
        self.queries = queries
        self.logger = logger
        context = CallbackContext(logger: logger)
        client = try KafkaClient(.consumer, settings.member, overriding: settings.properties, context: context)
        guard let list = rd_kafka_topic_partition_list_new(1) else {
            preconditionFailure("KafkaConsumer.init: no memory")
        }
        defer { rd_kafka_topic_partition_list_destroy(list) }
        TopicPartitions.add(list, settings.name(of: .events), -1)
        let code = rd_kafka_subscribe(client.handle, list)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw .unusable("group \(settings.group) cannot be joined: \(KafkaClient.text(code))")
        }
    }

    // Where nobody has called `close`: a rebalance that waits for its answer would keep the member in its group.
    deinit { context.close() }

    func next(limit: Int) async throws(EventLogError) -> ConsumerEvent {
        while true {
            let rebalance = context.rebalances.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            if let rebalance {
                if let event = try await follow(rebalance) { return event }
                continue
            }
            let records = try await queue.run { [self] () throws(EventLogError) in try poll(limit: limit) }
            if let records { return .records(partition: records.partition, records.records) }
            if context.rebalances.withLock({ $0.isEmpty }) { return .idle }
        }
    }

    private func follow(_ rebalance: CallbackContext.Rebalance) async throws(EventLogError) -> ConsumerEvent? {
        let action = state.withLock { state in
            switch rebalance {
            case .assign(let partitions): state.machine.assign(partitions)
            case .revoke(_, let lost): state.machine.revoke(lost: lost)
            }
        }
        switch action {
        case .announce(let partitions):
            var assigned: [AssignedPartition] = []
            for partition in partitions {
                let committed = try await queries.committed(settings.name(of: .events), partition: partition)
                state.withLock { $0.ledger.hold(partition, committed: committed?.offset) }
                assigned.append(
                    AssignedPartition(
                        partition: partition, position: committed?.metadata,
                        bounds: try await queries.bounds(settings.name(of: .events), partition: partition)))
            }
            return .assigned(assigned)
        case .askBack(let partitions): return .revoked(partitions)
        case .drop(let partitions):
            await assign(nil)
            return .lost(partitions)
        case .read(let offsets): await assign(offsets)
        case .giveBack: await assign(nil)
        case .nothing: break
        }
        return nil
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
        // What was read under the old assignment is read again under the new one.
        held.withLock { $0 = nil }
        if offsets == nil { state.withLock { $0.ledger.release() } }
        await queue.run { [client, settings] in
            guard let offsets else {
                rd_kafka_assign(client.handle, nil)
                return
            }
            guard let list = rd_kafka_topic_partition_list_new(Int32(offsets.count)) else {
                preconditionFailure("KafkaConsumer.assign: no memory")
            }
            defer { rd_kafka_topic_partition_list_destroy(list) }
            for (partition, offset) in offsets {
                TopicPartitions.add(list, settings.name(of: .events), partition, offset: offset)
            }
            rd_kafka_assign(client.handle, list)
        }
    }

    /// Records of one partition: the first that is there, and what follows it at once.
    private func poll(limit: Int) throws(EventLogError) -> (partition: Int, records: [StoredRecord])? {
        var partition: Int?
        var records: [StoredRecord] = []
        if let first = held.withLock({ held in
            defer { held = nil }
            return held
        }) {
            partition = first.partition
            records.append(first.record)
        }
        while records.count < limit {
            guard let message = rd_kafka_consumer_poll(client.handle, records.isEmpty ? Self.idle_ms : 0) else { break }
            switch message.pointee.err {
            case RD_KAFKA_RESP_ERR_NO_ERROR:
                let from = Int(message.pointee.partition)
                if let partition, partition != from {
                    // The next call begins with it.
                    let record = StoredRecord(message.pointee, message)
                    rd_kafka_message_destroy(message)
                    held.withLock { $0 = (from, record) }
                    return (partition, records)
                }
                partition = from
                records.append(StoredRecord(message.pointee, message))
                rd_kafka_message_destroy(message)
            case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
                RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR__RESOLVE,
                RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
                // The client tries again by itself; a member that polled too late is told so by the group.
                rd_kafka_message_destroy(message)
            case let code:
                rd_kafka_message_destroy(message)
                throw .failed("reading \(settings.name(of: .events)): \(KafkaClient.text(code))")
            }
            if !context.rebalances.withLock({ $0.isEmpty }) { break }
        }
        return partition.map { ($0, records) }
    }

    func commit(_ batches: [ScoredBatch]) async throws(EventLogError) {
        if let reason = state.withLock({ $0.fenced }) { throw .fenced(reason) }
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
                try transactional().transact(records, offsets, group: try membership())
            } catch {
                giveUpProducer(after: error)
                throw error
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

    /// The group's metadata, taken anew: it carries the generation, by which the brokers know a member that has lost
    /// its partitions.
    ///
    /// A member that was thrown out has no id, and brokers let offsets without one pass unchecked, so that is refused
    /// here. Checked after the metadata is taken: without an assignment no new id is given.
    private func membership() throws(EventLogError) -> OpaquePointer? {
        let metadata = rd_kafka_consumer_group_metadata(client.handle)
        let id = rd_kafka_memberid(client.handle)
        defer { if let id { rd_kafka_mem_free(client.handle, id) } }
        guard rd_kafka_assignment_lost(client.handle) == 0, let id, id.pointee != 0 else {
            if let metadata { rd_kafka_consumer_group_metadata_destroy(metadata) }
            throw .fenced("group \(settings.group) has given this member's partitions to others")
        }
        return metadata
    }

    private func transactional() throws(EventLogError) -> TransactionalProducer {
        if let producer = state.withLock({ $0.producer }) { return producer }
        let producer = try TransactionalProducer(
            id: settings.scorerTransactionalID, settings: settings, logger: logger)
        state.withLock { $0.producer = producer }
        return producer
    }

    /// After a failure the next commit begins with a new producer, unless another process has taken this one's place.
    private func giveUpProducer(after error: EventLogError) {
        let producer = state.withLock { state in
            state.isDoubtful = true
            if case .fenced(let reason) = error, state.producer?.isFatal == true { state.fenced = reason }
            defer { state.producer = nil }
            return state.producer
        }
        producer?.discard()
    }

    func release(_ partitions: [Int]) async throws(EventLogError) {
        if state.withLock({ $0.machine.release() }) == .giveBack { await assign(nil) }
    }

    func close() async {
        context.close()
        await queue.run { [self] in
            state.withLock { $0.producer }?.discard()
            // A rebalance that waits for its answer would keep the close from ending.
            rd_kafka_assign(client.handle, nil)
            rd_kafka_consumer_close(client.handle)
        }
    }
}
