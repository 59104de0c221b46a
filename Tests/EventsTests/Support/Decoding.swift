import Events

/// When the requests of these tests come in: 2 October 2019.
let receipt: Int64 = 1_570_000_000_000

/// Decodes a body; ids that the decoder has to make are `made-1`, `made-2`, ….
func decode(
    _ body: String, received: Int64 = receipt, maxItems: Int = 10_000
) throws(EventError) -> [CollectDecoder.Item] {
    try decode(Array(body.utf8), received: received, maxItems: maxItems)
}

func decode(
    _ body: [UInt8], received: Int64 = receipt, maxItems: Int = 10_000
) throws(EventError) -> [CollectDecoder.Item] {
    var made = 0
    return try CollectDecoder(received: received, maxItems: maxItems).decode(body: body) {
        made += 1
        return "made-\(made)"
    }
}

/// Decodes a pixel's query string.
func decode(query: String, received: Int64 = receipt) -> [CollectDecoder.Item] {
    var made = 0
    return CollectDecoder(received: received).decode(query: query) {
        made += 1
        return "made-\(made)"
    }
}

/// The error that this reading must end with; nil where it does not fail.
func failure(_ reading: () throws(EventError) -> Void) -> EventError? {
    do {
        try reading()
        return nil
    } catch {
        return error
    }
}

extension [CollectDecoder.Item] {
    var events: [Event] { compactMap { try? $0.result.get() } }

    var errors: [EventError] {
        compactMap {
            if case .failure(let error) = $0.result { return error }
            return nil
        }
    }

    /// The only item's event.
    func event() throws -> Event {
        guard count == 1 else { throw EventError(reason: "\(count) items where one is wanted") }
        return try self[0].result.get()
    }
}

extension Event {
    /// What every accepted event promises, in words of the first broken promise.
    func brokenLimit() -> String? {
        func check(_ name: String, _ text: String?, _ maxBytes: Int, allowsControls: Bool = false) -> String? {
            guard let text else { return nil }
            if text.isEmpty { return "\(name) is empty" }
            if text.utf8.count > maxBytes { return "\(name) has \(text.utf8.count) bytes" }
            if !allowsControls, text.utf8.contains(where: { $0 < 0x20 }) { return "\(name) holds control characters" }
            return nil
        }
        if session == nil, visitor == nil { return "neither session nor visitor" }
        if timestamp < EventLimits.earliestTimestamp { return "timestamp \(timestamp)" }
        if let price, !EventLimits.price.contains(price) { return "price \(price)" }
        if let quantity, !EventLimits.quantity.contains(quantity) { return "quantity \(quantity)" }
        return check("id", id, EventLimits.idBytes) ?? check("session", session, EventLimits.sessionBytes)
            ?? check("visitor", visitor, EventLimits.visitorBytes) ?? check("sku", sku, EventLimits.skuBytes)
            ?? check("url", url, EventLimits.urlBytes) ?? check("order", order, EventLimits.orderBytes)
            ?? check("query", query, EventLimits.queryBytes, allowsControls: true)
    }
}
