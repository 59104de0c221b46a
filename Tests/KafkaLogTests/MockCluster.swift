import KafkaLog
import KafkaRig
import Logging

extension MockCluster {
    convenience init(topics: [String], partitions: Int = 2) {
        self.init()
        for name in topics {
            let topic = KafkaSettings.Topic.allCases.first { name.hasSuffix(".\($0.rawValue)") }
            create(name, partitions: topic?.hasOnePartition == true ? 1 : partitions)
        }
    }

    static let produceRequest: Int16 = 0

    func settings(_ prefix: String = "shop") -> KafkaSettings {
        KafkaSettings(
            brokers: brokers, topicPrefix: prefix, group: "\(prefix)-score", instance: "\(prefix)-1", properties: [:])
    }

    static let shopTopics = KafkaSettings.Topic.allCases.map { "shop.\($0.rawValue)" }
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}
