/// A promise broken on purpose, one at a time: proves that the checks can see it.
public enum Breakage: String, Sendable, CaseIterable {
    /// The log acknowledges before its fsync, and a kill takes what was not synced.
    case earlyAcknowledgement = "early-acknowledgement"
    /// A kill takes the last synced records with it.
    case lostTail = "lost-tail"
    /// Recent identities are not read again at a start.
    case forgottenIdentities = "forgotten-identities"
    /// The two last records of an append change places.
    case reordered = "reordered"
    /// Append times follow a clock that is set back.
    case clockBack = "clock-back"
    /// Ticks are acknowledged and not written.
    case lostTicks = "lost-ticks"
    /// A replay's mark is not part of its rows' transaction: a kill loses it.
    case lostMark = "lost-mark"
    /// The position is committed and its outputs are not.
    case positionWithoutOutputs = "position-without-outputs"
    /// The outputs are committed and their position is not.
    case outputsWithoutPosition = "outputs-without-position"
    /// A commit whose answer was lost is applied again when it is repeated.
    case appliedTwice = "applied-twice"
    /// Who lost a partition may still commit.
    case noFencing = "no-fencing"
    /// The fold from the low-water says again what was said before.
    case unsuppressed = "unsuppressed"
    /// After a restart the records before the low-water's newest one are not read again.
    case shortFoldAgain = "short-fold-again"
    /// A model scores under the number of another one.
    case wrongModel = "wrong-model"
    /// A stored record's reply goes to the client as refused, and is kept in the log under another id.
    case changedID = "changed-id"
    /// One outcome in ten is dropped on its way to the disk.
    case lostOutcome = "lost-outcome"
    /// A score's last bit is flipped, one in fifty.
    case flippedBit = "flipped-bit"
    /// Retention does not look where the low-water is.
    case lowWaterPassed = "low-water-passed"
    /// Retention takes a partition's newest record, too.
    case newestRemoved = "newest-removed"
    /// Retention removes records that are half as old as it should.
    case removedTooEarly = "removed-too-early"
    /// Retention removes single records, not what a transaction brought.
    case splitTransaction = "split-transaction"
    /// A reader whose next record is removed is given the oldest that there is.
    case passedOver = "passed-over"
    /// Retention removes outputs of events that are still there.
    case outputsTooEarly = "outputs-too-early"
    /// The log acknowledges while it closes, and does not write.
    case droppedAtClose = "dropped-at-close"
    /// At a shutdown what is folded is not committed.
    case uncommittedAtClose = "uncommitted-at-close"
    /// A shutdown does not wait for requests under way.
    case brokenOffAtClose = "broken-off-at-close"
    /// A shutdown does not come to its end.
    case endlessClose = "endless-close"
}
