package import CRDKafka
package import EventLog

/// A client of librdkafka and nothing of Dinghy's in between: what it sees, any program would see.
package final class RawClient: Sendable {
    // librdkafka's handles are safe to use from any thread.
    nonisolated(unsafe) package let handle: OpaquePointer

    package init(_ type: rd_kafka_type_t, _ properties: [String: String]) throws(EventLogError) {
        let configuration = rd_kafka_conf_new()
        var message = [CChar](repeating: 0, count: 512)
        for (name, value) in properties.merging(["log_level": "3"], uniquingKeysWith: { own, _ in own }) {
            let code = rd_kafka_conf_set(configuration, name, value, &message, message.count)
            guard code == RD_KAFKA_CONF_OK else {
                rd_kafka_conf_destroy(configuration)
                throw .unusable("\(name): \(Self.text(message))")
            }
        }
        guard let handle = rd_kafka_new(type, configuration, &message, message.count) else {
            rd_kafka_conf_destroy(configuration)
            throw .unusable("no client: \(Self.text(message))")
        }
        self.handle = handle
    }

    deinit { rd_kafka_destroy(handle) }

    package static func text(_ code: rd_kafka_resp_err_t) -> String { String(cString: rd_kafka_err2str(code)) }

    package static func text(_ message: [CChar]) -> String {
        String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
