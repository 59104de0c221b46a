public import Events

/// Everything a model may see of one event: fixed size, independent of any model, so that an open session's history
/// can be encoded again by the next model.
public struct Step: Sendable, Equatable {
    /// `StableHash` of the product, 0 where the event names none.
    public var sku: UInt64
    /// `StableHash` of the page (`Page.of(url:)`), 0 where the event names none.
    public var page: UInt64
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
        kind: EventKind, sku: UInt64 = 0, page: UInt64 = 0, gap_ms: UInt32 = 0, elapsed_ms: UInt32 = 0,
        cart: UInt16 = 0, minuteOfWeek: UInt16 = 0, skuSeen: UInt8 = 0, pageSeen: UInt8 = 0
    ) {
        self.kind = kind
        self.sku = sku
        self.page = page
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

/// The page of a URL: scheme, host, query and fragment say nothing about what the page is.
public enum Page {
    /// The path of an absolute or relative URL, `/` where it is empty; anything that is no URL (a hash, say) as it is.
    public static func of(url: String) -> Substring {
        // Byte by byte: this runs for every event, and a generic search for `://` was a quarter of the whole fold.
        let bytes = url.utf8
        var start = bytes.startIndex
        // A scheme stands before everything else: `://` further on belongs to the query.
        if let end = bytes.firstIndex(where: { $0 == UInt8(ascii: ":") || isDelimiter($0) }),
            let authority = authority(bytes[end...])
        {
            start = bytes[authority...].firstIndex(where: isDelimiter) ?? bytes.endIndex
        }
        let end = bytes[start...].firstIndex { $0 != UInt8(ascii: "/") && isDelimiter($0) } ?? bytes.endIndex
        return start == end ? "/" : url[start..<end]
    }

    /// Where the host begins, of bytes that begin with `://`.
    private static func authority(_ bytes: Substring.UTF8View) -> String.Index? {
        var rest = bytes
        for expected in [UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "/")] where rest.popFirst() != expected {
            return nil
        }
        return rest.startIndex
    }

    /// What ends the part of a URL before it.
    private static func isDelimiter(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
    }
}
