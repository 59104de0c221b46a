/// Where a record's time comes from. Sessions of different timelines never merge.
public enum Timeline: Sendable, Hashable {
    /// Events as they happen; the clock is the log's append time.
    case live
    /// A named replay of history; the clock is the events' own time.
    case replay(String)

    /// The word for it in JSON and on the command line: `live`, or the replay's name (which is never `live`).
    public var name: String {
        switch self {
        case .live: "live"
        case .replay(let name): name
        }
    }

    public init(name: String) {
        self = name == "live" ? .live : .replay(name)
    }
}

/// What one record of the `events` log says, once decoded.
public enum LogEntry: Sendable, Equatable {
    case event(Event, timeline: Timeline)
    /// Control: time has passed on the live timeline and nothing happened.
    case tick
    /// Control: the named replay is complete; its open sessions close.
    case end(replay: String)
}
