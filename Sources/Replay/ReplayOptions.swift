public import Events
import FoundationEssentials

/// What is replayed.
public enum ReplayInput: Sendable, Equatable {
    case file(String)
    /// Read to its end before the first row is sent: only then is the order of its rows known.
    case standardInput
}

/// How a file is replayed.
public struct ReplayOptions: Sendable, Equatable {
    public enum Mode: Sendable, Equatable {
        /// Rows keep their times and make a timeline of their own, which has the replay's name.
        case replay
        /// Rows become live events: the first one happens now, the others as long after it as the speed says.
        case live
    }

    /// Which replay this is: a second one of the same name goes on where the first one stopped. `nil`: the digest of
    /// the input's bytes, so that the same content has the same name wherever it lies.
    public var name: String?
    public var mode: Mode
    /// Stores rows once more although a replay of the name is complete, under a name that is still free: NAME.2 and so
    /// on.
    public var again: Bool
    public var speed: ReplaySpeed
    /// What sorting may use, at least `minMemory_bytes`; a file that is larger, and not in time order, is sorted on
    /// disk. What is read and sent at a time comes on top: some 20 MiB.
    public var memory_bytes: Int
    /// Where files lie that sorting needs: about as much room as the input takes. They have no name and vanish with
    /// the process, however it ends.
    public var temporaryDirectory: String
    /// Leaves the replay without its end mark: its last sessions stay open until more rows come.
    public var keepsOpen: Bool
    /// What the file calls its columns and actions. Part of what the rows mean, not of the replay's name.
    public var mapping: CSVMapping
    /// How long nothing may get through (a server that does not answer, a log that is full) before the replay gives up.
    public var patience: Duration

    public static let minMemory_bytes = 1 << 20

    public init(
        name: String? = nil, mode: Mode = .replay, again: Bool = false, speed: ReplaySpeed = .max,
        memory_bytes: Int = 256 << 20,
        temporaryDirectory: String = Self.systemTemporaryDirectory, keepsOpen: Bool = false,
        mapping: CSVMapping = .none, patience: Duration = .seconds(120)
    ) {
        precondition(memory_bytes >= Self.minMemory_bytes, "ReplayOptions.init: sorting needs 1 MiB")
        self.name = name
        self.mode = mode
        self.again = again
        self.speed = speed
        self.memory_bytes = memory_bytes
        self.temporaryDirectory = temporaryDirectory
        self.keepsOpen = keepsOpen
        self.mapping = mapping
        self.patience = patience
    }

    /// `TMPDIR`, or the system's own.
    public static var systemTemporaryDirectory: String { FileManager.default.temporaryDirectory.path }
}
