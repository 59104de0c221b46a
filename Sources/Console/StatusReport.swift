public import EventLog
import FoundationEssentials
public import Retraining
import Scoring
import Sessions
public import SpooledLog

/// Where everything stands: what `/status` and `dinghy status` show, from committed positions and the log's bounds, so
/// that it can be made beside a running server as well as from a directory at rest.
public struct StatusReport: Codable, Sendable, Equatable {
    public struct Partition: Codable, Sendable, Equatable {
        public var partition: Int
        /// Offsets the log holds: the oldest, and the next to be written.
        public var logStart: Int64
        public var logEnd: Int64
        /// Scored up to here; both equal `logStart` where nothing was ever committed.
        public var start: Int64
        public var next: Int64
        public var lowWaterOffset: Int64
        /// Records between `start` and `next` by account.
        public var accounts: [String: Int64]
        /// Stored and not yet in an account: `logEnd − next`.
        public var pending: Int64
        /// `next − start` equals the sum of the accounts.
        public var balanced: Bool
        public var sessions: [String: Int64]
    }

    public struct Models: Codable, Sendable, Equatable {
        public var champion: Int?
        public var count: Int
        public init(champion: Int?, count: Int) {
            self.champion = champion
            self.count = count
        }
    }

    public var version: String
    public var log: String
    public var durability: String
    public var partitions: [Partition]
    public var rejected: Int64
    public var models: Models
    public var retraining: RetrainStatus?
    /// Of this process, where it collects over Kafka.
    public var spool: SpoolStatus?
    /// Clients of `/scores`.
    public var watching: Int?

    public init(
        version: String, log: String, events: any EventLog, outputs: any OutputLog, models: Models,
        retraining: RetrainStatus? = nil, spool: SpoolStatus? = nil, watching: Int? = nil
    ) async throws {
        self.version = version
        self.log = log
        durability = events.durability.rawValue
        self.models = models
        self.retraining = retraining
        self.spool = spool
        self.watching = watching
        rejected = try await events.rejectedCount()
        partitions = []
        for partition in 0..<events.partitionCount {
            // The position first: what is committed in between makes `pending` too large, never negative.
            let position = try await outputs.position(partition: partition).map { try Position(decoding: $0) }
            let bounds = try await events.bounds(partition: partition)
            partitions.append(
                Partition(partition, position: position ?? Position(start: bounds.lowerBound), bounds: bounds))
        }
    }

    public var stored: Int64 { partitions.reduce(0) { $0 + $1.logEnd - $1.logStart } }

    /// An account summed over all partitions.
    public func total(_ account: String) -> Int64 { partitions.reduce(0) { $0 + ($1.accounts[account] ?? 0) } }
    public func sessions(_ account: String) -> Int64 { partitions.reduce(0) { $0 + ($1.sessions[account] ?? 0) } }

    public func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        return [UInt8](try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }

    public init(json: [UInt8]) throws {
        self = try JSONDecoder().decode(StatusReport.self, from: Data(json))
    }
}

extension StatusReport.Partition {
    init(_ partition: Int, position: Position, bounds: Range<Int64>) {
        self.init(
            partition: partition, logStart: bounds.lowerBound, logEnd: bounds.upperBound, start: position.start,
            next: position.next, lowWaterOffset: position.lowWaterOffset,
            accounts: Dictionary(
                uniqueKeysWithValues: Counters.accounts.map { ($0.name, position.counters[keyPath: $0.path]) }),
            pending: bounds.upperBound - position.next,
            balanced: position.next - position.start == position.counters.total,
            sessions: Dictionary(
                uniqueKeysWithValues: SessionCounters.accounts.map { ($0.name, position.sessions[keyPath: $0.path]) }))
    }
}
