/// The bounds of an embedded log. The standard ones suit a shop on one machine; tests make them small.
public struct EmbeddedLimits: Sendable {
    /// Records and bytes that may wait for their commit, beside the transaction under way. An append that finds no
    /// room is refused.
    public var waitingRecords = 100_000
    public var waitingBytes = 64 << 20
    /// Records that one transaction takes, so that nobody waits long behind the others.
    public var transactionRecords = 10_000
    /// Live events that are remembered to recognise repeated ones: the newest, and none older than this.
    public var identities = 1_000_000
    public var identityAge = Duration.seconds(24 * 3_600)
    /// WAL pages (4 KiB) that may wait to be moved into the database file before that is done.
    public var checkpointPages = 2_048
    /// WAL pages beyond which appends wait a moment, so that the WAL can start anew.
    public var walPages = 16_384

    public init() {}
}
