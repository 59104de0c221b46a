public import EventLog

/// A fresh log with what stands beside it, made anew for every trial by the implementation that is on trial.
public struct LogFixture: Sendable {
    /// Empty, with at least two partitions.
    public var log: any EventLog
    public var outputs: any OutputLog
    /// The consumer of a process that has just started. The trial closes one before it makes the next.
    public var makeConsumer: @Sendable () async throws -> any EventConsumer
    /// A consumer that takes the place of one that still runs, as after a crash that was none. `nil` where the
    /// implementation makes that impossible, or the means of the test cannot show it.
    public var makeRival: (@Sendable () async throws -> any EventConsumer)?
    /// Closes everything and opens it again over what is stored, as a restart does.
    public var restart: @Sendable () async throws -> LogFixture
    /// Keeps every append from becoming durable until what it returns is called. `nil` where that cannot be done.
    public var stall: (@Sendable () async throws -> @Sendable () async throws -> Void)?
    /// How many records may wait to become durable. Small, or the trial of it takes long.
    public var maxWaitingRecords: Int
    /// Offsets have no holes.
    public var offsetsAreDense: Bool
    /// A live event that was stored before is answered with `.duplicate`.
    public var duplicatesAreRecognised: Bool
    /// Gives everything back; after a trial, whether it has failed or not.
    public var close: @Sendable () async -> Void

    public init(
        log: any EventLog, outputs: any OutputLog,
        makeConsumer: @escaping @Sendable () async throws -> any EventConsumer,
        makeRival: (@Sendable () async throws -> any EventConsumer)? = nil,
        restart: @escaping @Sendable () async throws -> LogFixture,
        stall: (@Sendable () async throws -> @Sendable () async throws -> Void)? = nil,
        maxWaitingRecords: Int, offsetsAreDense: Bool, duplicatesAreRecognised: Bool,
        close: @escaping @Sendable () async -> Void
    ) {
        self.log = log
        self.outputs = outputs
        self.makeConsumer = makeConsumer
        self.makeRival = makeRival
        self.restart = restart
        self.stall = stall
        self.maxWaitingRecords = maxWaitingRecords
        self.offsetsAreDense = offsetsAreDense
        self.duplicatesAreRecognised = duplicatesAreRecognised
        self.close = close
    }
}
