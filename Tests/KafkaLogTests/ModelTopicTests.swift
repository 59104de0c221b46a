import EventLog
import Foundation
import KafkaLog
import KafkaRig
import ModelContract
import Models
import Testing

/// Models over the mock cluster, as far as it can bear witness: what is published is read back, by the right names. It
/// knows no fencing, no `read_committed` and no compaction.
struct ModelTopicTests {
    private static let topics = ["shop.models", "shop.retrain-lease"]

    /// What needs two writers at a time, or the lease twice, is not tried here.
    static let trials = (ModelContract.keeping + ModelContract.changing).filter {
        !$0.name.hasPrefix("machines that add at the same time") && !$0.name.hasPrefix("changes of two machines")
    }

    @Test(arguments: trials)
    func keepsTheContract(_ trial: ModelContract.Trial) async throws {
        try await trial.run {
            let cluster = MockCluster(topics: Self.topics, partitions: 1)
            return try await SharedModels.fixture(cluster.settings()) { withExtendedLifetime(cluster) {} }
        }
    }

    @Test func aTopicThatIsMissingOrTooWideIsNamed() async throws {
        let none = MockCluster(topics: ["shop.events"])
        let missing = await #expect(throws: EventLogError.self) {
            try await ModelTopic.open(none.settings(), logger: MockCluster.logger)
        }
        #expect(missing?.description.hasPrefix("topic shop.models is not there at \(none.brokers)") == true)
        let wide = MockCluster(topics: ["shop.retrain-lease"])
        wide.create("shop.models", partitions: 3)
        let error = await #expect(throws: EventLogError.self) {
            try await ModelTopic.open(wide.settings(), logger: MockCluster.logger)
        }
        #expect(
            error?.description
                == "topic shop.models has 3 partitions and needs exactly one: delete it and make it again")
    }

    /// Of two that ask at once one gets it; what it publishes under it is there; given back, the next one gets it.
    @Test func oneOfTwoGetsTheRightToRetrain() async throws {
        let cluster = MockCluster(topics: Self.topics, partitions: 1)
        let fixture = try await SharedModels.fixture(cluster.settings()) { withExtendedLifetime(cluster) {} }
        let (here, there) = (fixture.store, try await fixture.another())
        async let first = here.claimRetraining()
        async let second = there.claimRetraining()
        let leases = [try await first, try await second].compactMap { $0 }
        #expect(leases.count == 1)
        let lease = try #require(leases.first)
        _ = try await here.add(
            SampleModel.make(1), origin: .retrain, report: nil, verdict: nil, time: 1, holding: lease)
        #expect(lease.isHeld)
        await lease.release()
        #expect(!lease.isHeld)
        let next = try #require(try await there.claimRetraining())
        await next.release()
        await fixture.close()
    }
}

/// A shop's models as two machines see them, each with a directory of its own.
enum SharedModels {
    static func fixture(
        _ settings: KafkaSettings, close: @escaping @Sendable () async -> Void
    ) async throws -> ModelFixture {
        let place = FileManager.default.temporaryDirectory.appending(path: "dinghy-topic-\(UUID().uuidString)")
        @Sendable func machine(_ name: String) async throws -> SharedRegistry {
            SharedRegistry(
                log: try await ModelTopic.open(settings, logger: MockCluster.logger),
                cache: place.appending(path: name).path(), logger: MockCluster.logger)
        }
        return ModelFixture(
            store: try await machine("here"), another: { try await machine("there") },
            close: {
                try? FileManager.default.removeItem(at: place)
                await close()
            })
    }
}
