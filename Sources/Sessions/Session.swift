public import Events

/// The first purchase of a session.
public struct Purchase: Sendable, Equatable {
    /// The log offset of the purchase event.
    public var offset: Int64
    /// The purchase's own time.
    public var timestamp: Int64
    /// The purchase's `Step.elapsed_ms`: steps of this or a later elapsed time may have seen it (a thank-you page
    /// shares its time stamp), so training and evaluation mask them.
    public var elapsed_ms: UInt32

    public init(offset: Int64, timestamp: Int64, elapsed_ms: UInt32) {
        self.offset = offset
        self.timestamp = timestamp
        self.elapsed_ms = elapsed_ms
    }
}

/// One session: a key's records on one timeline with no clock gap of more than the idle gap.
public struct Session: Sendable, Equatable {
    public let key: String
    public let timeline: Timeline
    /// With the partition, the session's identity.
    public let firstOffset: Int64
    /// The timeline's clock at the first record.
    public let startClock: Int64
    /// The timeline's clock at the last record, a repeated one too.
    public let lastClock: Int64
    /// All records, repeated ones too.
    public let records: Int
    /// The first event's own time.
    public let startTimestamp: Int64
    /// The latest (in log order) event's own time.
    public let lastTimestamp: Int64
    /// How many events came before the first purchase.
    public let prefixes: Int
    /// These events, in log order: what is scored, and the training example.
    public let steps: [Step]
    public let purchase: Purchase?
    /// The log began after this session may have: retention passed its beginning.
    public let truncated: Bool
    /// One of its events is a machine's.
    public let isBot: Bool
    /// Events whose own time lay before their predecessor's.
    public let outOfOrder: Int
    /// Products in the cart after the last event, and how many adds there were.
    public let cart: Int
    public let adds: Int

    /// Whether the session is known to have bought.
    public var purchased: Bool { purchase != nil }

    /// The steps that training and evaluation may see: strictly before the first purchase's time.
    public var maskedSteps: ArraySlice<Step> {
        guard let purchase else { return steps[...] }
        let end = steps.firstIndex { $0.elapsed_ms >= purchase.elapsed_ms } ?? steps.endIndex
        return steps[..<end]
    }
}

/// Why a session is no longer open.
public enum Closing: String, Sendable, Equatable {
    /// The clock passed its last record by more than the idle gap.
    case silence
    /// Its replay's end mark.
    case end
    /// It went past the limits; what it did afterwards is only counted.
    case muted
}
