import CRDKafka
import EventLog
import Foundation
import Logging
import Synchronization

/// The right to retrain: owning the one partition of `PREFIX.retrain-lease` in the group `PREFIX-retrain`.
///
/// A thread of its own polls the group for as long as the lease is held, however long training takes and whatever it
/// does to the other threads. It is the only one that calls the group's client, but for `membership`.
final class KafkaLease: RetrainLease {
    private let member: Member

    /// How long the group may take: a member that died is given up after its ten seconds of session.
    private static let patience = Duration.seconds(30)

    private init(member: Member) { self.member = member }

    // Where nobody released it.
    deinit { member.leave() }

    /// - Returns: `nil` where another process has the lease, or the group gave it to nobody in time.
    static func claim(settings: KafkaSettings, logger: Logger) async throws(EventLogError) -> KafkaLease? {
        let lease = KafkaLease(member: try Member(settings: settings, logger: logger))
        lease.member.start(deadline: .now + patience)
        if try await lease.member.answer() { return lease }
        await lease.release()
        return nil
    }

    var isHeld: Bool { member.isHeld }

    /// Until the group has rearranged itself: a member that died meanwhile holds it up for its session.
    func settled() async -> Bool {
        let deadline = ContinuousClock.now + Self.patience
        while member.isMoving, ContinuousClock.now < deadline {
            // Cancelled, it is not worth waiting: the publication tries and is refused.
            do { try await Task.sleep(for: .milliseconds(100)) } catch { break }
        }
        return isHeld
    }

    func release() async {
        member.leave()
        await member.end()
    }

    /// The group's metadata for a transaction, which brokers take only from a member that still owns the partition.
    ///
    /// - Throws: `.fenced` where the lease is lost; `.failed` while the group rearranges itself.
    func membership() throws(EventLogError) -> OpaquePointer { try member.membership() }
}

/// A member of the lease's group, from joining to leaving.
private final class Member: Sendable {
    private let settings: KafkaSettings
    private let context: CallbackContext
    private let client: KafkaClient
    private let state = Mutex(State())
    private let isLeaving = Atomic(false)

    private struct State {
        var machine = LeaseMachine()
        var answer: Result<Bool, EventLogError>?
        var claimant: CheckedContinuation<Result<Bool, EventLogError>, Never>?
        var hasEnded = false
        var enders: [CheckedContinuation<Void, Never>] = []
    }

    private static let poll_ms: Int32 = 100

    init(settings: KafkaSettings, logger: Logger) throws(EventLogError) {
        self.settings = settings
        context = CallbackContext(logger: logger)
        // Brokers make a member's id of the client's, and a range goes to the first member by id: who came first keeps
        // the lease when others come to ask for it. Machines whose clocks differ may take it from one another when they
        // begin together: then the earlier run ends as lost.
        let now_ms = String(Int64(Date().timeIntervalSince1970 * 1_000))
        let clientID =
            "retrain-\(String(repeating: "0", count: max(0, 15 - now_ms.count)))\(now_ms)-\(settings.instance)"
        client = try KafkaClient(
            .consumer, settings.lease(clientID: clientID),
            overriding: settings.properties.filter { $0.key != "client.id" }, context: context)
        try client.subscribe(to: settings.name(of: .retrainLease), group: settings.retrainGroup)
    }

    var isHeld: Bool { state.withLock { $0.machine.isHeld } }

    var isMoving: Bool {
        state.withLock { if case .moving = $0.machine.state { true } else { false } }
    }

    /// Polls until `leave`.
    func start(deadline: ContinuousClock.Instant) {
        Thread.detachNewThread { [self] in
            while !isLeaving.load(ordering: .acquiring) {
                poll()
                for rebalance in context.rebalances.withLock({ rebalances in
                    defer { rebalances = [] }
                    return rebalances
                }) {
                    follow(rebalance)
                }
                if ContinuousClock.now >= deadline { answer(.success(false)) }
            }
            context.close()
            // A rebalance that waits for its answer would keep the close from ending.
            rd_kafka_assign(client.handle, nil)
            rd_kafka_consumer_close(client.handle)
            answer(.success(false))
            end(
                state.withLock { state in
                    state.machine.revoke(lost: true)
                    state.hasEnded = true
                    defer { state.enders = [] }
                    return state.enders
                })
        }
    }

    private func poll() {
        guard let message = rd_kafka_consumer_poll(client.handle, Self.poll_ms) else { return }
        defer { rd_kafka_message_destroy(message) }
        switch message.pointee.err {
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
            answer(
                .failure(
                    .unusable(
                        "the right to retrain cannot be had (\(settings.name(of: .retrainLease)), group "
                            + "\(settings.retrainGroup)): \(KafkaClient.text(message.pointee.err))")))
        // The topic holds nothing, and what passes is tried again by the client itself.
        default: break
        }
    }

    private func follow(_ rebalance: CallbackContext.Rebalance) {
        switch rebalance {
        case .assign(let partitions):
            assign(partitions)
            let member = rd_kafka_memberid(client.handle)
            defer { if let member { rd_kafka_mem_free(client.handle, member) } }
            let id = member.map { String(cString: $0) } ?? ""
            let owns = state.withLock { state in
                state.machine.assign(owns: partitions.contains(0), member: id)
                return state.machine.isHeld
            }
            answer(.success(owns))
        case .revoke(_, let lost):
            state.withLock { $0.machine.revoke(lost: lost) }
            rd_kafka_assign(client.handle, nil)
        }
    }

    private func assign(_ partitions: [Int]) {
        guard let list = rd_kafka_topic_partition_list_new(1) else {
            preconditionFailure("KafkaLease.Member.assign: no memory")
        }
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for partition in partitions {
            TopicPartitions.add(list, settings.name(of: .retrainLease), partition, offset: 0)
        }
        rd_kafka_assign(client.handle, list)
    }

    /// The first answer counts.
    private func answer(_ answer: Result<Bool, EventLogError>) {
        let claimant = state.withLock { state -> CheckedContinuation<Result<Bool, EventLogError>, Never>? in
            guard state.answer == nil else { return nil }
            state.answer = answer
            defer { state.claimant = nil }
            return state.claimant
        }
        claimant?.resume(returning: answer)
    }

    /// Whether the group gave the lease to this process.
    func answer() async throws(EventLogError) -> Bool {
        let answer = await withCheckedContinuation { continuation in
            let answer = state.withLock { state in
                if state.answer == nil { state.claimant = continuation }
                return state.answer
            }
            if let answer { continuation.resume(returning: answer) }
        }
        return try answer.get()
    }

    func leave() { isLeaving.store(true, ordering: .releasing) }

    /// When the group has been left.
    func end() async {
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.enders.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    private func end(_ waiting: [CheckedContinuation<Void, Never>]) {
        for continuation in waiting { continuation.resume() }
    }

    func membership() throws(EventLogError) -> OpaquePointer {
        guard let metadata = rd_kafka_consumer_group_metadata(client.handle) else {
            throw .failed("group \(settings.retrainGroup) has not been joined yet")
        }
        // Checked after the metadata is taken: a generation that comes later is not in it, and brokers refuse it.
        let failure: EventLogError?
        switch state.withLock({ $0.machine.state }) {
        case .held: failure = rd_kafka_assignment_lost(client.handle) != 0 ? lost : nil
        case .moving: failure = .failed("group \(settings.retrainGroup) rearranges itself")
        case .waiting, .refused, .lost: failure = lost
        }
        if let failure {
            rd_kafka_consumer_group_metadata_destroy(metadata)
            throw failure
        }
        return metadata
    }

    private var lost: EventLogError {
        .fenced("group \(settings.retrainGroup) has given the right to retrain to another process")
    }
}
