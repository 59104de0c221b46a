import ChaosChecks
import EventLog
import KafkaRig

/// A foreign producer that does not know what an event is.
struct Poisoner {
    let topic: String
    let partitions: Int
    let brokers: String
    /// Of the largest record: what the topic takes.
    let largest: Int

    /// Writes poison to every partition now and then; gives how many records.
    func run(until end: ContinuousClock.Instant, seed: UInt64) async -> Int {
        var random = SeededRandom(seed)
        var written = 0
        guard let producer = try? RawProducer(topic, brokers: brokers) else { return 0 }
        while ContinuousClock.now < end {
            let kinds: [(key: String?, value: [UInt8])] = [
                ("s:poison", Array("no JSON at all".utf8)), (nil, []), ("s:poison", Array(#"{"shape":"wrong"}"#.utf8)),
                (nil, Array(#"{"id":"x","session":"y"}"#.utf8)), ("s:poison", [0xff, 0x00, 0xfe]),
                (nil, [UInt8](repeating: UInt8(ascii: "x"), count: written == 0 ? largest : 20_000)),
            ]
            let kind = kinds[written == 0 ? kinds.count - 1 : Int.random(in: 0..<kinds.count, using: &random)]
            let partition = Int.random(in: 0..<partitions, using: &random)
            if (try? producer.produce(key: kind.key, value: kind.value, partition: partition)) != nil { written += 1 }
            try? await Task.sleep(for: .milliseconds(Int.random(in: 500...2_000, using: &random)))
        }
        try? producer.flush()
        return written
    }
}
