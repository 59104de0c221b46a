import CRDKafka
import Dispatch
import EventLog
import Foundation
import Logging
import Synchronization

/// One membership of the scorers' group: it joins when it is made, and leaves when it is closed or nobody holds it any
/// more. One that can do no more is replaced by another, never mended.
///
/// Its calls block; they come from one queue.
final class GroupMember: Sendable {
    private let settings: KafkaSettings
    private let logger: Logger
    private let context: CallbackContext
    private let client: KafkaClient
    /// A record that came behind those of another partition.
    private let held = Mutex<(partition: Int, record: StoredRecord)?>(nil)
    /// Partitions whose end the last fetch reached.
    private let caughtUp = Mutex<Set<Int>>([])
    /// The last complaint and when it was written: what the client repeats every second is said twice a minute.
    private let complaint = Mutex<(text: String, at: ContinuousClock.Instant)?>(nil)

    /// How long a leave may take where no broker answers.
    private static let leave = DispatchTimeInterval.seconds(8)

    init(settings: KafkaSettings, logger: Logger) throws(EventLogError) {
        self.settings = settings
        self.logger = logger
        context = CallbackContext(logger: logger)
        client = try KafkaClient(.consumer, settings.member, overriding: settings.properties, context: context)
        try client.subscribe(to: settings.name(of: .events), group: settings.group)
    }

    // Where nobody has called `close`: a rebalance that waits for its answer would keep the member in its group.
    deinit { context.close() }

    // MARK: Rebalances

    var hasRebalance: Bool { context.rebalances.withLock { !$0.isEmpty } }

    func nextRebalance() -> CallbackContext.Rebalance? {
        context.rebalances.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }

    /// Reads from these offsets on; `nil` gives everything back.
    func assign(_ offsets: [Int: Int64]?) {
        // What was read under the old assignment is read again under the new one.
        held.withLock { $0 = nil }
        caughtUp.withLock { $0 = [] }
        guard let offsets else {
            rd_kafka_assign(client.handle, nil)
            return
        }
        guard let list = rd_kafka_topic_partition_list_new(Int32(offsets.count)) else {
            preconditionFailure("GroupMember.assign: no memory")
        }
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for (partition, offset) in offsets {
            TopicPartitions.add(list, settings.name(of: .events), partition, offset: offset)
        }
        rd_kafka_assign(client.handle, list)
    }

    // MARK: Records

    func isCaughtUp(_ partition: Int) -> Bool { caughtUp.withLock { $0.contains(partition) } }

    /// Records of one partition: the first that is there, and what follows it at once; `nil` where none came in time or
    /// the group has something to say.
    func poll(limit: Int, wait: Duration) throws(EventLogError) -> (partition: Int, records: [StoredRecord])? {
        var partition: Int?
        var records: [StoredRecord] = []
        if let first = held.withLock({ held in
            defer { held = nil }
            return held
        }) {
            partition = first.partition
            records.append(first.record)
        }
        let wait_ms = Int32(clamping: Int(wait / .milliseconds(1)))
        while records.count < limit {
            guard let message = rd_kafka_consumer_poll(client.handle, records.isEmpty ? wait_ms : 0) else { break }
            defer { rd_kafka_message_destroy(message) }
            let from = Int(message.pointee.partition)
            if message.pointee.err == RD_KAFKA_RESP_ERR__PARTITION_EOF {
                caughtUp.withLock { _ = $0.insert(from) }
            } else if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
                caughtUp.withLock { _ = $0.remove(from) }
                let record = StoredRecord(message.pointee, message)
                if let partition, partition != from {
                    // The next call begins with it.
                    held.withLock { $0 = (from, record) }
                    return (partition, records)
                }
                partition = from
                records.append(record)
            } else {
                try judge(message.pointee.err)
            }
            if hasRebalance { break }
        }
        return partition.map { ($0, records) }
    }

    private func judge(_ code: rd_kafka_resp_err_t) throws(EventLogError) {
        var message = [CChar](repeating: 0, count: 512)
        let fatal = rd_kafka_fatal_error(client.handle, &message, message.count)
        let topic = settings.name(of: .events)
        let text = KafkaClient.text(code == RD_KAFKA_RESP_ERR__FATAL ? fatal : code)
        switch MemberFailure.of(code: code.rawValue, fatal: fatal.rawValue) {
        case .passing: break
        case .complaint: complain("reading \(topic): \(text); the client goes on trying")
        case .denied:
            throw .unusable(
                "\(topic) cannot be read in group \(settings.group): \(text); allow this user to read both")
        case .replaced:
            throw .fenced(
                "another process has this one's place in group \(settings.group): \(text); give every scorer its own "
                    + "kafka.instance and group.instance.id")
        case .dead: throw .mustRejoin("the client of group \(settings.group) has given up: \(text)")
        }
    }

    private func complain(_ text: String) {
        let isNew = complaint.withLock { last in
            if let last, last.text == text, ContinuousClock.now - last.at < .seconds(30) { return false }
            last = (text, .now)
            return true
        }
        if isNew { logger.warning("\(text)") }
    }

    // MARK: Membership

    /// The group's metadata, taken anew: it carries the generation, by which the brokers know a member that has lost
    /// its partitions. Handed over to the caller.
    ///
    /// A member that was thrown out has no id, and brokers let offsets without one pass unchecked, so that is refused
    /// here. Checked after the metadata is taken: without an assignment no new id is given.
    ///
    /// - Throws: `.partitionsLost` where this client knows already that others have the partitions.
    func metadata() throws(EventLogError) -> OpaquePointer? {
        let metadata = rd_kafka_consumer_group_metadata(client.handle)
        let id = rd_kafka_memberid(client.handle)
        defer { if let id { rd_kafka_mem_free(client.handle, id) } }
        guard rd_kafka_assignment_lost(client.handle) == 0, let id, id.pointee != 0 else {
            if let metadata { rd_kafka_consumer_group_metadata_destroy(metadata) }
            throw .partitionsLost("group \(settings.group) has given this member's partitions to others")
        }
        return metadata
    }

    /// Leaves the group. Blocks, where no broker answers for `leave` at most.
    func close() {
        context.close()
        let left = DispatchSemaphore(value: 0)
        Thread.detachNewThread { [client] in
            // A rebalance that waits for its answer would keep the close from ending.
            rd_kafka_assign(client.handle, nil)
            rd_kafka_consumer_close(client.handle)
            left.signal()
        }
        if left.wait(timeout: .now() + Self.leave) == .timedOut {
            logger.warning("group \(settings.group) cannot be left in order: its brokers will miss this member later")
        }
    }
}

/// What an error that a group's consumer reports means. Pure.
package enum MemberFailure: Sendable, Equatable {
    /// The client tries again by itself, and the group says what else is to be said.
    case passing
    /// So it does here, but an operator should know.
    case complaint
    /// Access was refused: to try again is no use.
    case denied
    /// Another process has this one's place in the group.
    case replaced
    /// librdkafka has given this client up.
    case dead

    /// - Parameters:
    ///   - code: librdkafka's `rd_kafka_resp_err_t`.
    ///   - fatal: what `rd_kafka_fatal_error` says of the client: 0 where it is well.
    package static func of(code: Int32, fatal: Int32) -> MemberFailure {
        if fatal != 0 { return fatal == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID.rawValue ? .replaced : .dead }
        switch rd_kafka_resp_err_t(code) {
        case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__RESOLVE,
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
            return .passing
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
            return .denied
        case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID: return .replaced
        case RD_KAFKA_RESP_ERR__FATAL: return .dead
        default: return .complaint
        }
    }
}
