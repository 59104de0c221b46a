import CRDKafka
import EventLog
import Foundation
import KafkaLog
import KafkaRig
import Testing

struct TopicsTests {
    private static let settings = KafkaSettings(
        brokers: "kafka:9092", topicPrefix: "shop", group: "shop-score", instance: "shop-1", properties: [:])

    /// As `create` makes them on three brokers.
    private static func fitting() -> [KafkaSettings.Topic: TopicDescription] {
        let layout = TopicLayout(partitions: 12)
        return Dictionary(
            uniqueKeysWithValues: KafkaSettings.Topic.allCases.map { topic in
                (
                    topic,
                    TopicDescription(
                        name: settings.name(of: topic), partitions: layout.partitions(of: topic), replicationFactor: 3,
                        configuration: layout.configuration(of: topic, replicationFactor: 3))
                )
            })
    }

    @Test func brokersStampEventsAndKeepThemLongEnough() throws {
        let layout = TopicLayout(partitions: 12, replicationFactor: 3)
        try layout.check()
        #expect(
            layout.configuration(of: .events, replicationFactor: 3) == [
                "cleanup.policy": "delete", "min.insync.replicas": "2", "message.timestamp.type": "LogAppendTime",
                "retention.ms": "604800000",
            ])
        for topic in [KafkaSettings.Topic.rejected, .scores, .outcomes] {
            #expect(
                layout.configuration(of: topic, replicationFactor: 3) == [
                    "cleanup.policy": "delete", "min.insync.replicas": "2",
                ])
        }
        #expect(layout.configuration(of: .models, replicationFactor: 3)["cleanup.policy"] == "compact")
        // Two replicas of which two must be there would stop with the first broker that is away.
        #expect(layout.configuration(of: .scores, replicationFactor: 2) == ["cleanup.policy": "delete"])
    }

    @Test(
        arguments: [
            TopicLayout(partitions: 0), TopicLayout(partitions: 10_001),
            TopicLayout(partitions: 1, replicationFactor: 0),
            TopicLayout(partitions: 1, retention: .seconds(48 * 3_600 - 1)),
            TopicLayout(partitions: 1, retention: .seconds(Int64.max)),
        ])
    func aLayoutThatNoShopCanRunOnIsRefused(_ layout: TopicLayout) {
        #expect(throws: EventLogError.self) { try layout.check() }
    }

    @Test func topicsAsTheyAreMadeFit() {
        #expect(KafkaTopics.findings(Self.fitting(), settings: Self.settings) == [])
    }

    @Test(arguments: KafkaSettings.Topic.allCases)
    func aMissingTopicIsNamed(_ topic: KafkaSettings.Topic) {
        var topics = Self.fitting()
        topics[topic]?.partitions = nil
        let findings = KafkaTopics.findings(topics, settings: Self.settings)
        #expect(findings.contains { $0.topic == "shop.\(topic.rawValue)" && $0.problem.hasPrefix("is not there") })
        #expect(findings.allSatisfy { $0.severity == .error })
    }

    @Test(
        arguments: [
            (.scores, "cleanup.policy", "compact,delete", .error), (.events, "cleanup.policy", "compact", .error),
            (.models, "cleanup.policy", "delete", .error), (.events, "message.timestamp.type", "CreateTime", .error),
            (.events, "retention.ms", "172799999", .error), (.events, "retention.bytes", "1073741824", .warning),
            (.outcomes, "min.insync.replicas", "1", .warning), (.rejected, "min.insync.replicas", "3", .warning),
        ] as [(KafkaSettings.Topic, String, String, TopicFinding.Severity)])
    func aTopicThatIsSetWronglyIsNamed(
        _ topic: KafkaSettings.Topic, _ property: String, _ value: String, _ severity: TopicFinding.Severity
    ) throws {
        var topics = Self.fitting()
        topics[topic]?.configuration?[property] = value
        let findings = KafkaTopics.findings(topics, settings: Self.settings)
        let finding = try #require(findings.first)
        #expect(findings.count == 1)
        #expect(finding.topic == "shop.\(topic.rawValue)")
        #expect(finding.severity == severity)
        #expect(finding.problem.contains("\(property)=\(value)"))
    }

    @Test func eventsMayBeKeptForEver() {
        var topics = Self.fitting()
        topics[.events]?.configuration?["retention.ms"] = "-1"
        topics[.events]?.configuration?["retention.bytes"] = "-1"
        #expect(KafkaTopics.findings(topics, settings: Self.settings) == [])
    }

    @Test func partitionsThatDoNotFitAreNamed() {
        var topics = Self.fitting()
        topics[.scores]?.partitions = 3
        topics[.models]?.partitions = 4
        let findings = KafkaTopics.findings(topics, settings: Self.settings).map(\.description)
        #expect(findings.count == 2)
        #expect(findings[0].contains("shop.scores has 3 partitions, shop.events has 12"))
        #expect(findings[1].contains("shop.models has 4 partitions and needs exactly one"))
    }

    @Test func whatTheBrokersDoNotTellIsNotTakenForFitting() {
        var topics = Self.fitting()
        topics[.events]?.configuration = nil
        let findings = KafkaTopics.findings(topics, settings: Self.settings)
        #expect(findings.map(\.severity) == [.warning])
        #expect(findings.first?.problem.contains("DESCRIBE_CONFIGS") == true)
    }

    @Test func topicsOfTheMockAreSeen() async throws {
        let cluster = MockCluster(topics: MockCluster.shopTopics, partitions: 3)
        let topics = try await KafkaTopics(cluster.settings(), logger: MockCluster.logger).describe()
        #expect(topics[.events]?.partitions == 3)
        #expect(topics[.models]?.partitions == 1)
        // It cannot tell how they are set.
        #expect(topics[.events]?.configuration == nil)
        let other = try await KafkaTopics(cluster.settings("other"), logger: MockCluster.logger).check()
        #expect(other.findings.count == KafkaSettings.Topic.allCases.count)
        #expect(other.topics.allSatisfy { $0.partitions == nil })
    }

    @Test func brokersThatMakeNoTopicsAreNamed() async throws {
        let cluster = MockCluster()
        let topics = try KafkaTopics(cluster.settings(), logger: MockCluster.logger)
        do throws(EventLogError) {
            _ = try await topics.create(TopicLayout(partitions: 2))
            Issue.record("librdkafka's mock cluster has no such request")
        } catch {
            #expect(error.description.contains(cluster.brokers))
        }
    }
}

/// Topics on a real cluster: made, found to fit, or refused.
@Suite(.enabled(if: ClusterTests.brokers != nil, "set DINGHY_TEST_KAFKA=host:port"))
struct ClusterTopicsTests {
    private static func shop() throws -> (settings: KafkaSettings, topics: [String]) {
        let brokers = try #require(ClusterTests.brokers)
        let prefix = "dinghy-test-\(UUID().uuidString.prefix(8).lowercased())"
        let settings = KafkaSettings(
            brokers: brokers, topicPrefix: prefix, group: "\(prefix)-score", instance: "\(prefix)-1", properties: [:])
        return (settings, KafkaSettings.Topic.allCases.map { settings.name(of: $0) })
    }

    @Test func aShopOpensOverTheTopicsMadeForIt() async throws {
        let (settings, names) = try Self.shop()
        defer { Administration.delete(names, brokers: settings.brokers) }
        let topics = try KafkaTopics(settings, logger: MockCluster.logger)
        #expect(Set(try await topics.create(TopicLayout(partitions: 3))) == Set(names))
        #expect(try await topics.create(TopicLayout(partitions: 5)) == [])
        let kafka = try await ClusterTests.open(settings)
        #expect(kafka.log.partitionCount == 3)
        #expect(kafka.outputs.partitionCount == 3)
        await kafka.close()
    }

    @Test func moreReplicasThanBrokersAreRefusedByName() async throws {
        let (settings, _) = try Self.shop()
        let topics = try KafkaTopics(settings, logger: MockCluster.logger)
        do throws(EventLogError) {
            _ = try await topics.create(TopicLayout(partitions: 1, replicationFactor: 100))
            Issue.record("a cluster of 100 brokers was not foreseen")
        } catch {
            guard case .unusable(let reason) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(reason.contains(settings.topicPrefix))
        }
    }

    @Test func aShopWhoseEventsAreStampedByProducersDoesNotOpen() async throws {
        let (settings, names) = try Self.shop()
        _ = try await KafkaTopics(settings, logger: MockCluster.logger).create(
            TopicLayout(partitions: 2), with: [.events: ["message.timestamp.type": "CreateTime"]])
        defer { Administration.delete(names, brokers: settings.brokers) }
        // A broker that does not know the topic yet cannot tell how it is set.
        let deadline = ContinuousClock.now + .seconds(30)
        var reason = ""
        while !reason.contains("message.timestamp.type=CreateTime"), ContinuousClock.now < deadline {
            do throws(EventLogError) {
                await (try KafkaLog.open(settings, logger: MockCluster.logger)).close()
            } catch {
                reason = error.description
            }
        }
        #expect(reason.contains("topic \(names[0]) has message.timestamp.type=CreateTime"))
    }
}
