import Foundation
import Logging
import ModelContract
import Models
import Testing

/// Both stores keep what every store of models promises.
struct ContractTests {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test(arguments: ModelContract.all)
    func aDirectoryKeepsTheContract(_ trial: ModelContract.Trial) async throws {
        try await trial.run {
            let place = Place()
            return ModelFixture(
                store: place.registry, another: { place.registry }, close: { withExtendedLifetime(place) {} })
        }
    }

    @Test(arguments: ModelContract.all)
    func aSharedLogKeepsTheContract(_ trial: ModelContract.Trial) async throws {
        try await trial.run {
            let log = MemoryModelLog()
            let (here, there) = (Place(), Place())
            return ModelFixture(
                store: SharedRegistry(log: log, cache: here.path, backoff: .milliseconds(1), logger: Self.logger),
                another: {
                    SharedRegistry(log: log, cache: there.path, backoff: .milliseconds(1), logger: Self.logger)
                },
                close: { withExtendedLifetime((here, there)) {} })
        }
    }
}
