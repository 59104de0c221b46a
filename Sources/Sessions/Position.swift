public import Events

/// Where a fold stands, small enough for a Kafka offset's metadata: with the log from `lowWaterOffset` on, it is the
/// whole state. Folding again from there, with empty state and these clocks, reproduces every open session exactly.
public struct Position: Sendable, Equatable {
    /// One timeline's part of a position.
    public struct TimelinePosition: Sendable, Equatable {
        public var timeline: Timeline
        /// The oldest first offset of the timeline's open sessions, or the position's `next` where there are none.
        public var lowWaterOffset: Int64
        public var clockAtLowWater: Int64
        public var clockAtNext: Int64
    }

    /// The log offset that the fold began with, ever.
    public var start: Int64
    /// The first offset not folded yet.
    public var next: Int64
    /// `FoldParameters.digest` of the fold.
    public var digest: String
    /// Sessions that began before this offset may lack their beginning, which retention had passed; 0 where none do.
    public var truncatedBefore: Int64
    /// In the order of their names.
    public private(set) var timelines: [TimelinePosition]
    public var counters: Counters
    public var sessions: SessionCounters
    /// Muted sessions that do not hold the low-water: at most `maxMuted`, fewer where `maxBytes` asks for it.
    public var muted: [MutedSession]

    public static let maxBytes = 3_500
    public static let maxMuted = 200

    public var lowWaterOffset: Int64 { timelines.map(\.lowWaterOffset).min() ?? next }

    /// The position before the first record of a log that begins at `start`.
    public init(start: Int64, parameters: FoldParameters = .standard) {
        self.init(
            start: start, next: start, digest: parameters.digest, truncatedBefore: 0, timelines: [],
            counters: Counters(), sessions: SessionCounters(), muted: [])
    }

    init(
        start: Int64, next: Int64, digest: String, truncatedBefore: Int64, timelines: [TimelinePosition],
        counters: Counters, sessions: SessionCounters, muted: [MutedSession]
    ) {
        self.start = start
        self.next = next
        self.digest = digest
        self.truncatedBefore = truncatedBefore
        self.timelines = timelines.sorted { $0.timeline.name < $1.timeline.name }
        self.counters = counters
        self.sessions = sessions
        self.muted = muted
    }
}

/// Why a committed position cannot be used.
public enum PositionError: Error, Equatable, CustomStringConvertible {
    case unreadable(String)
    /// The position was made by a fold with other parameters: its sessions are not ours.
    case foreignDigest(committed: String, own: String)

    public var description: String {
        switch self {
        case .unreadable(let reason):
            "the committed position cannot be read: \(reason)"
        case .foreignDigest(let committed, let own):
            """
            the committed position was made with other session rules (\(committed)) than this program's (\(own)): \
            run the version that made it, or score the log again from its start into an empty scores file
            """
        }
    }
}
