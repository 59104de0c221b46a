public import EventLog

/// Where a replay's rows go. Used by one task at a time; rows come in order, and the same ones again where it is not
/// known what became of them.
public protocol ReplaySink: Sendable {
    var limits: BatchLimits { get }

    /// How far a replay of that name has come; `nil` where none was begun.
    func mark(of name: String) async throws(SinkError) -> ReplayMark?

    /// Rows of a named replay, all or nothing. Those at or below the mark are duplicates.
    func append(_ rows: [ReplayRow], ofReplay name: String) async throws(SinkError) -> ReplayAppended

    /// The replay is complete.
    func end(_ name: String) async throws(SinkError)

    /// Rows as live events. One verdict a row, in order.
    func appendLive(_ rows: [ReplayRow]) async throws(SinkError) -> [LiveVerdict]
}

/// What became of a row that was sent as a live event.
public enum LiveVerdict: Sendable, Equatable {
    case stored
    case duplicate
    case rejected(reason: String)
    /// Not taken this time.
    case retry
}

/// Why a sink did not do what it was asked.
public enum SinkError: Error, Equatable, Sendable {
    /// Nothing was taken; later it may be.
    case busy(reason: String, retryAfter: Duration)
    /// No answer came: the rows may be stored or not.
    case unanswered(reason: String)
    /// Sending again is of no use.
    case refused(ReplayError)
}
