public import EventLog
import FoundationEssentials
public import Retraining
public import Scoring
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
        /// Of a partition that this process scores: how old the oldest record that is not folded yet can be at most, in
        /// seconds; 0 where there is none.
        public var lagSeconds: Double?
        /// Of a partition that this process scores: what was or is folded again since it was assigned.
        public var foldAgain: ScoringStatus.FoldAgain?
    }

    /// How this process scores.
    public struct Scoring: Codable, Sendable, Equatable {
        /// The partitions that it scores.
        public var assigned: [Int]
        /// Assignments since its start.
        public var rebalances: Int
        /// The first assignment is folded.
        public var ready: Bool

        public init(assigned: [Int], rebalances: Int, ready: Bool) {
            self.assigned = assigned
            self.rebalances = rebalances
            self.ready = ready
        }
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
    /// Why this process writes nothing any more before a restart; `nil` while it does.
    public var stopped: String?
    public var models: Models
    /// `nil` where this process does not score.
    public var scoring: Scoring?
    public var retraining: RetrainStatus?
    /// Of this process, where it collects over Kafka.
    public var spool: SpoolStatus?
    /// Clients of `/scores`.
    public var watching: Int?

    /// - Parameters:
    ///   - scoring: what this process scores; `nil` where it does not.
    ///   - now: milliseconds since the epoch.
    public init(
        version: String, log: String, events: any EventLog, outputs: any OutputLog, models: Models,
        scoring: ScoringStatus.Snapshot? = nil, now: Int64 = 0, retraining: RetrainStatus? = nil,
        spool: SpoolStatus? = nil, watching: Int? = nil
    ) async throws {
        self.version = version
        self.log = log
        durability = events.durability.rawValue
        stopped = events.stopped
        self.models = models
        self.scoring = scoring.map {
            Scoring(assigned: $0.partitions.keys.sorted(), rebalances: $0.rebalances, ready: $0.ready)
        }
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
                Partition(
                    partition, position: position ?? Position(start: bounds.lowerBound), bounds: bounds,
                    scored: scoring?.partitions[partition], now: now))
        }
    }

    public var stored: Int64 { partitions.reduce(0) { $0 + $1.logEnd - $1.logStart } }

    /// The longest lag of a partition that this process scores.
    public var lagSeconds: Double? { partitions.compactMap(\.lagSeconds).max() }

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
    init(
        _ partition: Int, position: Position, bounds: Range<Int64>, scored: ScoringStatus.Partition?, now: Int64
    ) {
        let pending = bounds.upperBound - position.next
        self.init(
            partition: partition, logStart: bounds.lowerBound, logEnd: bounds.upperBound, start: position.start,
            next: position.next, lowWaterOffset: position.lowWaterOffset,
            accounts: Dictionary(
                uniqueKeysWithValues: Counters.accounts.map { ($0.name, position.counters[keyPath: $0.path]) }),
            pending: pending,
            balanced: position.next - position.start == position.counters.total,
            sessions: Dictionary(
                uniqueKeysWithValues: SessionCounters.accounts.map { ($0.name, position.sessions[keyPath: $0.path]) }),
            lagSeconds: scored.flatMap { scored in
                pending <= 0 ? 0 : scored.unfoldedSince.map { Double(max(0, now - $0)) / 1_000 }
            },
            foldAgain: scored?.foldAgain)
    }
}
