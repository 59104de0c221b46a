/// A record that stands on the `events` log and cannot be folded: whoever wrote it, its place is known.
extension RejectedRecord {
    /// - Parameter time: when it was appended to the log, milliseconds since the epoch.
    public init(time: Int64, location: Location, reason: String, bytes: some Sequence<UInt8>) {
        self.init(
            time: time, source: "\(Self.onLog)/\(location.partition)/\(location.offset)", reason: reason, bytes: bytes)
    }

    /// The place on the `events` log of a record that was found there; `nil` for input that never came so far.
    public var location: Location? {
        let parts = source.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == Self.onLog, let partition = Int(parts[1]), let offset = Int64(parts[2])
        else { return nil }
        return Location(partition: partition, offset: offset)
    }

    private static let onLog = "events"
}
