import EventLog
import Foundation

/// A data directory as a server finds it that has run for a while: with models, of which the newest scores, and a past.
public enum PreparedData {
    /// - Parameters:
    ///   - data: the data directory.
    ///   - directory: for what is needed on the way; its logs tell what went wrong.
    ///   - stored: simulated events that are on the log, still to be scored.
    public static func make(
        _ data: String, in directory: String, dinghy: String, models: Int = 1, stored: Int = 0
    ) async throws {
        func run(_ arguments: [String], _ log: String) async throws {
            try await Child.need(dinghy, arguments, log: directory + "/" + log)
        }
        let csv = "history.csv", model = directory + "/history.model"
        try await run(["simulate", "--events", "60000", "--seed", "7"], csv)
        try await run(["train", directory + "/" + csv, "--output", model, "--epochs", "2"], "train.log")
        for _ in 0..<models {
            try await run(["models", "import", model, "--promote", "--data", data], "import.log")
        }
        guard stored > 0 else { return }
        let past = "past.csv"
        try await run(["simulate", "--events", "\(stored)", "--seed", "8"], past)
        try await run(["replay", directory + "/" + past, "--data", data], "past.log")
        try FileManager.default.removeItem(atPath: directory + "/" + past)
    }
}
