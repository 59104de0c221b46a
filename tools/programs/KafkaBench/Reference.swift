import EventLog
import Foundation
import KafkaRig

/// What the same cluster does with nothing of Dinghy in between.
enum Reference {
    /// Records a second that librdkafka alone has acknowledged by all in-sync replicas, idempotent, linger 5 ms.
    static func produce(_ topic: String, brokers: String, records: Int) throws -> String {
        let producer = try RawProducer(topic, brokers: brokers)
        let started = ContinuousClock.now
        for number in 0..<records {
            let session = "r\(number % 1_000)"
            let value = Array(Events.json(number, session: session).utf8)
            try producer.produceWaiting(key: "s:\(session)", value: value)
        }
        try producer.flush(timeout_ms: 60_000)
        return Text.rate(records, in: ContinuousClock.now - started)
    }

    /// Whether librdkafka's own benchmark is here.
    static func performanceTool() -> String {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let path = folders.map { "\($0)/rdkafka_performance" }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
        guard let path else {
            return "reference: rdkafka_performance is not installed (Debian's librdkafka1 does not ship it; it is "
                + "examples/rdkafka_performance in librdkafka's sources). \"librdkafka alone\" above is this program's "
                + "own loop over the same library."
        }
        return "reference: \(path) -P -t TOPIC -s 130 -c 1000000 -X acks=all -X enable.idempotence=true "
            + "-X linger.ms=5 -b BROKERS, run beside this"
    }
}
