/// The bound on every field of an event, in bytes of UTF-8 unless said otherwise. Beyond a bound an event is rejected,
/// never cut.
public enum EventLimits {
    public static let idBytes = 256
    public static let sessionBytes = 256
    public static let visitorBytes = 256
    public static let skuBytes = 256
    public static let urlBytes = 2_048
    public static let queryBytes = 1_024
    public static let orderBytes = 256
    /// A replay's name: it is part of every record and of the committed position.
    public static let timelineBytes = 40
    public static let quantity = 1...1_000_000
    public static let price = 0.0...1e12
    /// How deeply JSON may nest before the body is refused.
    public static let jsonDepth = 16
    /// Earliest time accepted: 1990-01-01. Anything earlier is a unit error (seconds for milliseconds) or nonsense.
    public static let earliestTimestamp: Int64 = 631_152_000_000
    /// Latest time that a record of the log or a row of a file may carry: 2100-01-01. Anything later is a unit error
    /// (microseconds for milliseconds) or nonsense, and would end every session of a replay. What a page sends is
    /// clamped to its receipt instead.
    public static let latestTimestamp: Int64 = 4_102_444_800_000
    /// How far an event's own time may lie ahead of its receipt before it is clamped to the receipt.
    public static let futureTolerance_ms: Int64 = 60_000
    /// The largest record that is written to the log.
    public static let recordBytes = 16_384
}
