/// What defines a session. Two folds with different parameters disagree, so a committed position carries its
/// parameters' digest, and another digest is refused.
public struct FoldParameters: Sendable, Equatable {
    /// A session ends when the clock passes its last record by more than this; exactly this stays.
    public var idleGap_ms: Int64
    /// A session that has had this many records is muted.
    public var maxRecords: Int
    /// A session whose record lies further than this from its first is muted.
    public var maxDuration_ms: Int64
    /// Replays that may be unfinished at a time on one partition; records of a further one are rejected by the fold.
    public var maxReplays: Int

    /// The most that `maxReplays` may be: each takes its part of a position's `maxBytes`.
    public static let replayLimit = 12

    public static let standard = FoldParameters(
        idleGap_ms: 30 * 60_000, maxRecords: 5_000, maxDuration_ms: 24 * 3_600_000, maxReplays: 12)

    public init(idleGap_ms: Int64, maxRecords: Int, maxDuration_ms: Int64, maxReplays: Int) {
        precondition(
            idleGap_ms > 0 && (1...Int(Int32.max)).contains(maxRecords) && maxDuration_ms > 0
                && (1...Self.replayLimit).contains(maxReplays),
            "FoldParameters.init: a parameter out of range")
        self.idleGap_ms = idleGap_ms
        self.maxRecords = maxRecords
        self.maxDuration_ms = maxDuration_ms
        self.maxReplays = maxReplays
    }

    /// Version of the rules, then every parameter: readable, so that a refusal can say what differs.
    public var digest: String {
        "v1/gap=\(idleGap_ms)/records=\(maxRecords)/duration=\(maxDuration_ms)/replays=\(maxReplays)"
    }
}
