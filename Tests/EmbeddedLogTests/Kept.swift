import EmbeddedLog
import EventLog

/// Everything that can be read of a data directory, for comparing whole directories.
struct Kept: Equatable {
    var events: [[StoredRecord]] = []
    var scores: [[StoredRecord]] = []
    var outcomes: [[StoredRecord]] = []
    var positions: [String?] = []
    var rejected: [RejectedRecord] = []
    var marks: [String: ReplayMark] = [:]

    init(_ data: DataDirectory, replays: [String] = ["june"]) async throws {
        for partition in 0..<data.log.partitionCount {
            events.append(try await contents(of: data.log, partition: partition))
            for stream in OutputStream.allCases {
                let start = try await data.outputs.bounds(stream, partition: partition).lowerBound
                let reader = try await data.outputs.reader(stream, partition: partition, from: start)
                var records: [StoredRecord] = []
                while case let run = try await reader.next(limit: 1_000, wait: .zero), !run.isEmpty { records += run }
                if stream == .scores { scores.append(records) } else { outcomes.append(records) }
            }
            positions.append(try await data.outputs.position(partition: partition))
        }
        rejected = try await data.log.rejected(from: 0, limit: 10_000)
        for name in replays { marks[name] = try await data.log.replayMark(name) }
    }
}
