public import EventLog
public import Sessions

/// Holds the committed positions against the log and the outputs: they must fit together, and the accounting balance.
public struct PositionCheck: Sendable {
    private let events: any EventLog
    private let outputs: any OutputLog
    private let parameters: FoldParameters

    /// How often a position that moves on meanwhile is looked at again.
    private static let attempts = 5

    public init(events: any EventLog, outputs: any OutputLog, parameters: FoldParameters = .standard) {
        self.events = events
        self.outputs = outputs
        self.parameters = parameters
    }

    /// What does not fit. May run beside the process that scores.
    public func run() async -> [Audit.Finding] {
        var findings: [Audit.Finding] = []
        for partition in 0..<events.partitionCount {
            do {
                for problem in try await check(partition) {
                    findings.append(Audit.Finding(partition: partition, offset: problem.offset, problem: problem.text))
                }
            } catch {
                findings.append(Audit.Finding(partition: partition, offset: 0, problem: "\(error)"))
            }
        }
        return findings
    }

    private typealias Problem = (offset: Int64, text: String)

    private func check(_ partition: Int) async throws -> [Problem] {
        var problems: [Problem] = []
        for _ in 0..<Self.attempts {
            let before = try await outputs.position(partition: partition)
            problems = try await check(partition, before)
            if problems.isEmpty { return [] }
            // What does not fit may have been committed in between.
            if try await outputs.position(partition: partition) == before { return problems }
        }
        return problems
    }

    private func check(_ partition: Int, _ text: String?) async throws -> [Problem] {
        let scores = try await outputs.bounds(.scores, partition: partition)
        let outcomes = try await outputs.bounds(.outcomes, partition: partition)
        guard let text else {
            return scores.isEmpty && outcomes.isEmpty
                ? [] : [(0, "there are scores or outcomes, but no position was ever committed")]
        }
        // Decoding checks that the accounts hold as many records as were folded.
        let position = try Position(decoding: text)
        guard position.digest == parameters.digest else {
            throw PositionError.foreignDigest(committed: position.digest, own: parameters.digest)
        }
        let log = try await events.bounds(partition: partition)
        var problems: [Problem] = []
        if position.next > log.upperBound {
            problems.append(
                (position.next, "scores are committed up to here, but the events log ends at \(log.upperBound)"))
        }
        if log.lowerBound > position.lowWaterOffset {
            problems.append(
                (
                    position.lowWaterOffset,
                    "this low-water is before the log's start \(log.lowerBound): sessions open there will be flagged "
                        + "truncated"
                ))
        }
        problems += try await count(
            scores, .scores, ScoreRecord.self, position.counters.scored, "scored", partition, position, log)
        problems += try await count(
            outcomes, .outcomes, OutcomeRecord.self, position.sessions.closed + position.sessions.muted, "closed",
            partition, position, log)
        return problems
    }

    /// Whether there are as many records as the position has counted, and none beyond it.
    private func count<Record: OutputJSON>(
        _ bounds: Range<Int64>, _ stream: OutputStream, _ type: Record.Type, _ counted: Int64, _ account: String,
        _ partition: Int, _ position: Position, _ log: Range<Int64>
    ) async throws -> [Problem] {
        let beyond = try await OutputSearch.first(stream, type, in: outputs, partition, atOrAfter: position.next)
        var problems: [Problem] = []
        if beyond < bounds.upperBound {
            problems.append((position.next, "\(bounds.upperBound - beyond) \(stream.rawValue) lie beyond the position"))
        }
        let found = beyond - bounds.lowerBound
        // What retention has removed cannot be counted.
        let isWhole = bounds.lowerBound == 0 || position.start >= log.lowerBound
        let first = try await OutputSearch.first(stream, type, in: outputs, partition, atOrAfter: position.start)
        if isWhole ? beyond - first != counted : found > counted {
            problems.append(
                (
                    position.next,
                    "the position counts \(counted) \(account), there are \(isWhole ? beyond - first : found) "
                        + stream.rawValue
                ))
        }
        return problems
    }
}
