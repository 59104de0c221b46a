public import Events

/// Everything a model may see of one event: fixed size, independent of any model, so that an open session's history
/// can be encoded again by the next model.
public struct Step: Sendable, Equatable, BitwiseCopyable {
    /// `StableHash` of the product, 0 where the event names none.
    public var sku: UInt64
    /// `StableHash` of the page (`Page.of(url:)`), 0 where the event names none.
    public var page: UInt64
    /// `StableHash` of the section that the page lies in (`/product/` of `/product/17`), 0 where there is none.
    public var section: UInt64
    /// Time since the session's previous event by the events' own times; 0 for the first and for one out of order.
    public var gap_ms: UInt32
    /// Time since the session's first event by the events' own times; 0 for one that lies before it.
    public var elapsed_ms: UInt32
    /// Products in the cart after this event.
    public var cart: UInt16
    /// Minute of the week in UTC, 0 = Monday 00:00.
    public var minuteOfWeek: UInt16
    public var kind: EventKind
    /// How many earlier steps of the session named this product; stops at 255.
    public var skuSeen: UInt8
    /// How many earlier steps of the session named this page; stops at 255.
    public var pageSeen: UInt8

    public init(
        kind: EventKind, sku: UInt64 = 0, page: UInt64 = 0, section: UInt64 = 0, gap_ms: UInt32 = 0,
        elapsed_ms: UInt32 = 0, cart: UInt16 = 0, minuteOfWeek: UInt16 = 0, skuSeen: UInt8 = 0, pageSeen: UInt8 = 0
    ) {
        self.kind = kind
        self.sku = sku
        self.page = page
        self.section = section
        self.gap_ms = gap_ms
        self.elapsed_ms = elapsed_ms
        self.cart = cart
        self.minuteOfWeek = minuteOfWeek
        self.skuSeen = skuSeen
        self.pageSeen = pageSeen
    }

    /// Minute of the week of a time in milliseconds since the epoch (1 January 1970 was a Thursday).
    static func minuteOfWeek(_ time: Int64) -> UInt16 {
        let minutesPerWeek: Int64 = 7 * 24 * 60
        let minute = (time / 60_000 + 3 * 24 * 60) % minutesPerWeek
        return UInt16(minute < 0 ? minute + minutesPerWeek : minute)
    }
}
