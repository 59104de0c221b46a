public import Testing

/// What every log promises, as trials that any implementation runs:
///
///     @Test(arguments: LogContract.all)
///     func keepsTheContract(_ trial: LogContract.Trial) async throws { try await trial.run(makeFixture) }
///
/// The groups tell what an implementation under test must be able to do; a test double of a broker that knows no
/// transactions runs `appending` and `reading` alone.
public enum LogContract {
    /// Live records, ticks and rejected input.
    public static let appending: [Trial] = [
        Trial("appends are read back in order", appendsAreReadBackInOrder),
        Trial("a key chooses its partition", aKeyChoosesItsPartition),
        Trial("verdicts say where each record is", verdictsSayWhereEachRecordIs),
        Trial("concurrent appends keep each caller's order", concurrentAppendsKeepEachCallersOrder),
        Trial("an event that was stored before is a duplicate", anEventThatWasStoredBeforeIsADuplicate),
        Trial("a record that is too large is refused with its append", aRecordThatIsTooLargeIsRefusedWithItsAppend),
        Trial("a tick is a record of its partition", aTickIsARecordOfItsPartition),
        Trial("rejected input is kept in order", rejectedInputIsKeptInOrder),
        Trial("a full buffer refuses and loses nothing", aFullBufferRefusesAndLosesNothing),
    ]
    /// Readers, bounds, look-up by time.
    public static let reading: [Trial] = [
        Trial("a fresh log is empty", aFreshLogIsEmpty),
        Trial("bounds enclose what is stored", boundsEncloseWhatIsStored),
        Trial("a reader gives at most what it is asked for", aReaderGivesAtMostWhatItIsAskedFor),
        Trial("a reader begins in the middle", aReaderBeginsInTheMiddle),
        Trial("a reader waits for what comes", aReaderWaitsForWhatComes),
        Trial("a reader that waits in vain gives nothing", aReaderThatWaitsInVainGivesNothing),
        Trial("readers see nothing that is not durable", readersSeeNothingThatIsNotDurable),
        Trial("the first offset of a time is found", theFirstOffsetOfATimeIsFound),
    ]
    /// Replays and their marks.
    public static let replaying: [Trial] = [
        Trial("rows are stored together with their mark", rowsAreStoredTogetherWithTheirMark),
        Trial("rows at or below the mark are duplicates", rowsAtOrBelowTheMarkAreDuplicates),
        Trial("a gap is refused whole", aGapIsRefusedWhole),
        Trial("rejected rows move the mark", rejectedRowsMoveTheMark),
        Trial("rows are never taken for events seen before", rowsAreNeverTakenForEventsSeenBefore),
        Trial("replays are told apart by name", replaysAreToldApartByName),
        Trial("an end is marked once on every partition", anEndIsMarkedOnceOnEveryPartition),
        Trial("rows after an end revive the replay", rowsAfterAnEndReviveTheReplay),
    ]
    /// The consumer and its commits, and the outputs that they make readable.
    public static let consuming: [Trial] = [
        Trial("the assignment comes first", theAssignmentComesFirst),
        Trial("records come from where reading began", recordsComeFromWhereReadingBegan),
        Trial("outputs are readable after their commit", outputsAreReadableAfterTheirCommit),
        Trial("outputs keep the order of their commits", outputsKeepTheOrderOfTheirCommits),
        Trial("a commit without outputs moves the position", aCommitWithoutOutputsMovesThePosition),
        Trial("a position of 3,500 bytes is kept", aPositionOfFullLengthIsKept),
        Trial("a commit repeated with the same batch is harmless", aCommitRepeatedWithTheSameBatchIsHarmless),
        Trial("a batch that does not follow is fenced", aBatchThatDoesNotFollowIsRefused),
        Trial("batches are committed all or none", batchesAreCommittedAllOrNone),
        Trial("a new consumer continues from the position", aNewConsumerContinuesFromThePosition),
        Trial("a rival fences the one before it", aRivalFencesTheOneBeforeIt),
    ]
    /// Closing and starting again.
    public static let restarting: [Trial] = [
        Trial("a closed log refuses appends", aClosedLogRefusesAppends),
        Trial("closing finishes what is under way", closingFinishesWhatIsUnderWay),
        Trial("everything stored survives a restart", everythingStoredSurvivesARestart),
        Trial("duplicates are recognised after a restart", duplicatesAreRecognisedAfterARestart),
    ]

    public static let all = appending + reading + replaying + consuming + restarting

    /// One promise on trial.
    public struct Trial: Sendable, CustomTestStringConvertible {
        public let name: String
        private let body: @Sendable (LogFixture) async throws -> Void

        init(_ name: String, _ body: @escaping @Sendable (LogFixture) async throws -> Void) {
            self.name = name
            self.body = body
        }

        public var testDescription: String { name }

        /// Tries a fresh log and closes it.
        public func run(_ make: () async throws -> LogFixture) async throws {
            let fixture = try await make()
            do { try await body(fixture) } catch {
                await fixture.close()
                throw error
            }
            await fixture.close()
        }
    }
}
