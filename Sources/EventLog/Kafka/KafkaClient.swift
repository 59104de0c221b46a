import CRDKafka
import EventLog
import Foundation
import Logging
import Synchronization

/// Owns one librdkafka handle, and frees it when nobody holds it any more.
///
/// A handle may be used from any thread. Calls that block must come from a `BlockingQueue`.
final class KafkaClient: Sendable {
    enum Kind { case producer, consumer }

    // librdkafka documents its handle as safe to use from any thread.
    nonisolated(unsafe) let handle: OpaquePointer
    private let context: CallbackContext

    /// - Parameter overriding: the configured properties, which win where no promise depends on it.
    init(
        _ kind: Kind, _ properties: [String: String], overriding: [String: String], context: CallbackContext
    ) throws(EventLogError) {
        guard let configuration = rd_kafka_conf_new() else { preconditionFailure("KafkaClient.init: no memory") }
        var message = [CChar](repeating: 0, count: 512)
        for (name, value) in OwnProperties.merge(properties, overriding) {
            guard rd_kafka_conf_set(configuration, name, value, &message, message.count) == RD_KAFKA_CONF_OK else {
                rd_kafka_conf_destroy(configuration)
                // The value may be a secret.
                throw .unusable("kafka.properties.\(name) is refused by librdkafka: check its name and value")
            }
        }
        rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(context).toOpaque())
        rd_kafka_conf_set_log_cb(configuration) { client, level, facility, text in
            guard let client, let opaque = rd_kafka_opaque(client), let text else { return }
            let context = Unmanaged<CallbackContext>.fromOpaque(opaque).takeUnretainedValue()
            context.log(level: level, facility.map { String(cString: $0) } ?? "", String(cString: text))
        }
        switch kind {
        case .producer: rd_kafka_conf_set_dr_msg_cb(configuration, Delivery.callback)
        case .consumer: rd_kafka_conf_set_rebalance_cb(configuration, CallbackContext.rebalance)
        }
        let type = kind == .producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER
        guard let handle = rd_kafka_new(type, configuration, &message, message.count) else {
            rd_kafka_conf_destroy(configuration)
            throw .unusable("no Kafka client can be made: \(Self.text(message))")
        }
        if kind == .consumer { rd_kafka_poll_set_consumer(handle) }
        self.handle = handle
        self.context = context
    }

    // Waits for librdkafka's threads, so it gets one of its own; callbacks may come until it is done.
    deinit {
        let handle = UInt(bitPattern: handle)
        Thread.detachNewThread { [context] in
            rd_kafka_destroy(OpaquePointer(bitPattern: handle))
            withExtendedLifetime(context) {}
        }
    }

    /// Joins its group for a topic.
    ///
    /// - Throws: `.unusable` where the group cannot be joined.
    func subscribe(to topic: String, group: String) throws(EventLogError) {
        guard let list = rd_kafka_topic_partition_list_new(1) else {
            preconditionFailure("KafkaClient.subscribe: no memory")
        }
        defer { rd_kafka_topic_partition_list_destroy(list) }
        TopicPartitions.add(list, topic, -1)
        let code = rd_kafka_subscribe(handle, list)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw .unusable("group \(group) cannot be joined: \(Self.text(code))")
        }
    }

    static func text(_ code: rd_kafka_resp_err_t) -> String { String(cString: rd_kafka_err2str(code)) }

    /// What librdkafka has written into a buffer, up to its NUL.
    static func text(_ buffer: [CChar]) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// What callbacks of one client may touch.
final class CallbackContext: Sendable {
    private let logger: Logger
    /// What the group decided, not yet told.
    let rebalances = Mutex<[Rebalance]>([])
    private let closing = Atomic(false)

    enum Rebalance: Sendable, Equatable {
        case assign([Int])
        case revoke([Int], lost: Bool)
    }

    init(logger: Logger) { self.logger = logger }

    func log(level: Int32, _ facility: String, _ text: String) {
        // syslog's levels; a broker that went away is worth a warning, not an error: the client tries again. That a
        // producer has no use for a consumer's property is worth nothing.
        let level: Logger.Level = facility == "CONFWARN" ? .debug : level <= 2 ? .error : level <= 4 ? .warning : .debug
        logger.log(level: level, "librdkafka \(facility): \(text)")
    }

    func close() { closing.store(true, ordering: .relaxed) }

    /// Runs inside a poll of the consumer. Nothing is assigned here: the scorer first says from where it reads.
    static let rebalance:
        @convention(c) (
            OpaquePointer?, rd_kafka_resp_err_t, UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?,
            UnsafeMutableRawPointer?
        ) -> Void = { client, code, list, opaque in
            guard let client, let opaque else { return }
            let context = Unmanaged<CallbackContext>.fromOpaque(opaque).takeUnretainedValue()
            var partitions: [Int] = []
            if let list {
                for index in 0..<Int(list.pointee.cnt) { partitions.append(Int(list.pointee.elems[index].partition)) }
            }
            if context.closing.load(ordering: .relaxed) {
                rd_kafka_assign(client, nil)
            } else if code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
                context.rebalances.withLock { $0.append(.assign(partitions)) }
            } else {
                let lost = rd_kafka_assignment_lost(client) != 0
                context.rebalances.withLock { $0.append(.revoke(partitions, lost: lost)) }
            }
        }
}
