import Foundation
import Testing

/// A simulated history and a model trained from it, made once by the program itself.
struct SimulatedShop: Sendable {
    let directory: TemporaryDirectory
    let csv: String
    let model: String
    static let events = 40_000

    static let shared = Task<SimulatedShop, any Error> {
        let directory = try TemporaryDirectory()
        let csv = directory.file("shop.csv")
        let rows = try await Program.run(["simulate", "--events", "\(events)", "--seed", "7"])
        try #require(rows.code == 0, "\(rows.error)")
        try rows.output.write(toFile: csv, atomically: true, encoding: .utf8)
        let model = directory.file("shop.model")
        let trained = try await Program.run(
            ["train", csv, "--output", model, "--set", "retrain.hidden-size=8", "--epochs", "2"])
        try #require(trained.code == 0, "\(trained.error)")
        return SimulatedShop(directory: directory, csv: csv, model: model)
    }

    /// A data directory whose champion is this shop's model.
    static func dataDirectory() async throws -> TemporaryDirectory {
        let shop = try await shared.value
        let data = try TemporaryDirectory()
        let imported = try await Program.run(["models", "import", shop.model, "--promote", "--data", data.path])
        try #require(imported.code == 0, "\(imported.error)")
        return data
    }
}
