import Events
import Foundation
import Intent
import Models
import Sessions

/// A directory that is gone after the test, and a registry in it.
final class Place: Sendable {
    let path = FileManager.default.temporaryDirectory.appending(path: "dinghy-models-\(UUID().uuidString)").path()
    var registry: ModelRegistry { ModelRegistry(directory: path) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func bytes(_ file: String) throws -> Data { try Data(contentsOf: URL(filePath: path + "/" + file)) }

    func write(_ file: String, _ bytes: Data) throws { try bytes.write(to: URL(filePath: path + "/" + file)) }

    /// Small and quickly made.
    static let model: IntentModel? = {
        let sessions = (0..<1_000).map { number in
            let buys = number % 5 == 0
            return TrainingSession(
                start: Int64(number),
                steps: [Step(kind: .detail), Step(kind: buys ? .add : .pageview, gap_ms: 1_000, elapsed_ms: 1_000)],
                purchased: buys)
        }
        var options = TrainingOptions()
        options.hiddenSize = 8
        options.epochs = 1
        return try? Trainer.train(sessions, options: options).model
    }()
}
