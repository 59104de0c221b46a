/// Who may send, and how much at a time.
public struct CollectorSettings: Sendable, Equatable {
    /// Keys that a sender must show one of; empty: anybody may send.
    public var writeKeys: [String]
    /// Origins whose pages may send what needs leave and read the replies (`https://shop.example`); `*` stands for all.
    public var origins: [String]
    /// The largest body, as it comes over the wire.
    public var maxBodyBytes: Int
    /// The largest body once it is inflated.
    public var maxInflatedBytes: Int
    /// The most events of one body, and the most rows of one replay request.
    public var maxEvents: Int
    /// What the bodies and records of all requests under way may hold together; one that comes on top is asked to come
    /// back.
    public var maxHeldBytes: Int
    /// Requests of events that are judged at a time, from the last byte of their body on; one that comes on top is
    /// asked to come back.
    public var maxRequests = 256
    /// Whether rows of a replay need a write key too. Not where something else stands before them.
    public var replayNeedsKey = true
    /// How many events a sender may send.
    public var limits = SenderLimits.Settings()
    /// What a browser's wish not to be followed changes: `Sec-GPC: 1`, and `DNT: 1`.
    public var gpc = PrivacyAction.ignore
    public var dnt = PrivacyAction.ignore

    /// - Parameter maxHeldBytes: `nil`: 256 MiB, or what a single request of the largest size needs where that is more.
    public init(
        writeKeys: [String] = [], origins: [String] = [], maxBodyBytes: Int = 1 << 20,
        maxInflatedBytes: Int = 8 << 20, maxEvents: Int = 10_000, maxHeldBytes: Int? = nil
    ) {
        self.writeKeys = writeKeys
        self.origins = origins
        self.maxBodyBytes = maxBodyBytes
        self.maxInflatedBytes = maxInflatedBytes
        self.maxEvents = maxEvents
        self.maxHeldBytes =
            maxHeldBytes
            ?? max(256 << 20, Self.largestRequest(maxBodyBytes: maxBodyBytes, maxInflatedBytes: maxInflatedBytes))
    }

    /// The largest records that one body may make: an event grows on its way to the log, by an id, by its times, and
    /// by what the products of a hit share.
    var maxRecordBytes: Int { 2 * max(maxBodyBytes, maxInflatedBytes) }

    /// What one request may hold: its body, the same inflated, and the records made of it.
    private static func largestRequest(maxBodyBytes: Int, maxInflatedBytes: Int) -> Int {
        maxBodyBytes + maxInflatedBytes + 2 * max(maxBodyBytes, maxInflatedBytes)
    }

    /// Traps where a request within its own limits could never pass.
    func check() {
        precondition(
            writeKeys.allSatisfy { !$0.isEmpty }, "CollectorSettings.writeKeys: an empty key would let anybody in")
        precondition(
            maxBodyBytes > 0 && maxInflatedBytes > 0 && maxEvents > 0 && maxRequests > 0,
            "CollectorSettings: a limit below 1")
        precondition(
            maxHeldBytes >= Self.largestRequest(maxBodyBytes: maxBodyBytes, maxInflatedBytes: maxInflatedBytes),
            "CollectorSettings.maxHeldBytes: too little for a single request of the largest size")
    }
}
